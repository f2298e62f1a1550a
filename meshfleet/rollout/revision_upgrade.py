"""Revision upgrade: install the new revision, move gateways, move workloads, remove the old revision.

Nothing moves to an istiod before it has confirmed that it reads every cluster, and no revision is removed while a proxy
is still connected to it. A rollback takes the same steps: workloads leave the newer revision before gateways do, since
a gateway may be newer than the workloads behind it and not the other way round.
Source: https://istio.io/latest/docs/setup/upgrade/canary/
"""

from __future__ import annotations

from collections.abc import Iterable

from meshfleet.rollout.deployed import Deployed, DeployedRevisions
from meshfleet.rollout.plan import Change, RolloutPlan, Step
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.istio import IstioRevision

BEFORE_USE = ("clusters-synced", "network-gateways", "mesh-config", "remote-control-plane")
"""What must pass for a revision before anything is moved to it."""
BEFORE_REMOVAL = ("injection", "pods-on-revision")
"""What must pass before a revision is removed."""


def upgrade_revisions(deployed: Deployed, target: Fleet) -> RolloutPlan:
    """The rollout plan of the whole fleet from the revisions that are deployed to those of `target`."""
    current = deployed.revisions
    if current is None:
        return RolloutPlan((), lambda fleet: fleet)
    wanted = revisions_of(target)
    return RolloutPlan(tuple(_steps(current, wanted)), with_revisions(current))


def revisions_of(fleet: Fleet) -> DeployedRevisions:
    """The revisions that a fleet declares, in the form of those that are deployed."""
    istio = fleet.istio
    return DeployedRevisions({name: istio.version_of(name) for name in istio.installed}, istio.gateways, istio.revision)


def with_revisions(state: DeployedRevisions) -> Change:
    """The change that gives a fleet these revisions and leaves the other settings of Istio as they are."""

    def apply(fleet: Fleet) -> Fleet:
        revisions = {name: IstioRevision(version=version) for name, version in sorted(state.installed.items())}
        istio = fleet.istio.model_copy(
            update={"revisions": revisions, "gateway_revision": state.gateways, "revision": state.workloads}
        )
        return fleet.model_copy(update={"istio": istio})

    return apply


def _steps(now: DeployedRevisions, target: DeployedRevisions) -> list[Step]:
    # Another version of the same revision is an upgrade in place, which needs no stages.
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
            preconditions = BEFORE_USE if added or steps else ()
            steps.append(Step(f"{whose} on {getattr(target, what)}", with_revisions(state), preconditions))
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
