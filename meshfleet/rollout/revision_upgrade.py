"""The way from one revision of Istio to another: beside the old one, then gateways, then workloads, then alone.

Nothing moves to an istiod that has not confirmed that it reads every cluster, and none is removed while a proxy is
still on it. Going back takes the same way: workloads leave the newer revision before gateways do, since a gateway may
be newer than what is behind it and not the other way round.
Source: https://istio.io/latest/docs/setup/upgrade/canary/
"""

from __future__ import annotations

from collections.abc import Iterable

from meshfleet.rollout.deployed import Deployed, DeployedRevisions
from meshfleet.rollout.walk import Change, Step, Walk
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.istio import IstioRevision

BEFORE_USE = ("clusters-synced", "network-gateways", "mesh-config", "remote-control-plane")
"""What must hold of a revision before anything is moved to it."""
BEFORE_REMOVAL = ("injection", "pods-on-revision")
"""What must hold before a revision is removed."""


def upgrade_revisions(deployed: Deployed, target: Fleet) -> Walk:
    """The walk of the whole fleet from the revisions that are deployed to those of `target`."""
    there = deployed.revisions
    if there is None:
        return Walk((), lambda fleet: fleet)
    wanted = revisions_of(target)
    return Walk(tuple(_steps(there, wanted)), with_revisions(there))


def revisions_of(fleet: Fleet) -> DeployedRevisions:
    """What a fleet declares, in the shape of what is deployed."""
    istio = fleet.istio
    return DeployedRevisions({name: istio.version_of(name) for name in istio.installed}, istio.gateways, istio.revision)


def with_revisions(state: DeployedRevisions) -> Change:
    """The change that gives a fleet these revisions, whatever else there is to its Istio."""

    def apply(fleet: Fleet) -> Fleet:
        revisions = {name: IstioRevision(version=version) for name, version in sorted(state.installed.items())}
        istio = fleet.istio.model_copy(
            update={"revisions": revisions, "gateway_revision": state.gateways, "revision": state.workloads}
        )
        return fleet.model_copy(update={"istio": istio})

    return apply


def _steps(now: DeployedRevisions, target: DeployedRevisions) -> list[Step]:
    # A version is changed where its revision is, which is an upgrade in place and no matter of stages.
    if set(now.installed) == set(target.installed) and (now.gateways, now.workloads) == (
        target.gateways,
        target.workloads,
    ):
        return []
    steps = []
    both = {**now.installed, **target.installed}
    state = DeployedRevisions(both, now.gateways, now.workloads)
    if added := sorted(set(both) - set(now.installed)):
        steps.append(Step(f"{_listed(added)} beside {_listed(now.installed)}", with_revisions(state)))
    moves = ["gateways", "workloads"]
    if _older(target, now):
        moves.reverse()
    for what in moves:
        if getattr(state, what) != getattr(target, what):
            state = state.moved(**{what: getattr(target, what)})
            whose = "gateways" if what == "gateways" else "tags and namespaces"
            needs = BEFORE_USE if added or steps else ()
            steps.append(Step(f"{whose} on {getattr(target, what)}", with_revisions(state), needs))
    if gone := sorted(set(both) - set(target.installed)):
        final = DeployedRevisions(target.installed, target.gateways, target.workloads)
        steps.append(Step(f"{_listed(gone)} removed", with_revisions(final), BEFORE_REMOVAL))
    return steps


def _older(target: DeployedRevisions, now: DeployedRevisions) -> bool:
    """Whether workloads go back: to an older release, or off a revision that gateways alone were moved to before."""
    before, after = (state.installed[state.workloads] for state in (now, target))
    return [int(part) for part in after.split(".")] < [int(part) for part in before.split(".")]


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
