"""Root rotation: from one root of a mesh to another, while any two workloads trust each other at every moment.

Clusters reach a stage one after another, and their workloads even later. So any two states that follow each other
must interoperate: each of them trusts the root that the other one signs with. From one root to another that takes three
steps, which are those of Istio's own test (tests/integration/security/cacert_rotation): both roots are trusted, the
new one signs, the old one is dropped. In each step one bundle holds the other, without which an istiod refuses the
new one (pilot/pkg/bootstrap/istio_ca.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from meshfleet.rollout.deployed import Bundle, Deployed, DeployedTrust
from meshfleet.rollout.plan import Change, RolloutPlan, Step
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.names import is_same_root

PRECONDITIONS = ("trust", "proxies-take-roots", "remote-control-plane")
"""What must pass before another root signs or one is dropped: every proxy has the bundle of the stage before."""


@dataclass(frozen=True)
class Move:
    """A state of one mesh, and the preconditions of the step to it from the state before."""

    name: str
    bundle: Bundle
    preconditions: tuple[str, ...] = ()


def next_bundle(now: Bundle, target: Bundle) -> Bundle:
    """The next state towards `target`; `now` itself once it is reached. At most 2 roots (current and next)."""
    missing = [root for root in target if root not in now]
    leaving = [root for root in now if root not in target]
    if not missing and not leaving:
        return target
    if missing and len(now) == 1:
        return (now[0], missing[0])
    # Two roots of which one has to go; the one that signs has to hand over first.
    return now[:1] if now[1] in leaving else now[::-1]


def moves(deployed: DeployedTrust, target: Bundle) -> tuple[Move, ...]:
    """The states that a mesh goes through until it reaches `target`; none once it has."""
    if deployed.settled and deployed.reached == target:
        return ()
    bundles = [deployed.begun]
    while bundles[-1] != target:
        bundles.append(next_bundle(bundles[-1], target))
    found = [_move(before, after) for before, after in pairwise(bundles)]
    if not deployed.settled:
        # A step that was interrupted is completed first.
        found.insert(0, Move(describe(deployed.begun), deployed.begun))
    return tuple(found)


def named_as(deployed: DeployedTrust, target: Bundle) -> DeployedTrust:
    """The deployed roots by the names of `target` where they are the same: another way to its intermediates alone."""

    def named(bundle: Bundle) -> Bundle:
        return tuple(next((root for root in target if is_same_root(root, name)), name) for name in bundle)

    return replace(deployed, begun=named(deployed.begun), reached=named(deployed.reached))


def _move(before: Bundle, after: Bundle) -> Move:
    if len(after) > len(before):
        return Move(f"both roots trusted ({before[0]} and {after[1]})", after)
    if len(after) < len(before):
        return Move(f"the old root is dropped ({before[1]})", after, PRECONDITIONS)
    return Move(f"the new root signs ({after[0]})", after, PRECONDITIONS)


def describe(bundle: Bundle) -> str:
    """A state as `status` shows it."""
    if len(bundle) == 1:
        return f"one root ({bundle[0]})"
    return f"both roots trusted ({' and '.join(bundle)}), {bundle[0]} signs"


def rotate_roots(deployed: Deployed, target: Fleet) -> RolloutPlan:
    """The rollout plan of all meshes: each step moves every mesh that is not at its target one state further."""
    wanted = {mesh: declared.trust.bundle for mesh, declared in target.meshes.items()}
    found = {mesh: named_as(trust, wanted[mesh]) for mesh, trust in deployed.trust.items() if mesh in wanted}
    states = {mesh: moves(trust, wanted[mesh]) for mesh, trust in found.items()}
    longest = max(map(len, states.values()), default=0)
    steps = []
    for position in range(longest):
        current = {mesh: each[position] for mesh, each in states.items() if position < len(each)}
        bundles = {mesh: each[min(position, len(each) - 1)].bundle for mesh, each in states.items() if each}
        preconditions = tuple(dict.fromkeys(need for move in current.values() for need in move.preconditions))
        steps.append(Step(_name(current, alone=len(target.meshes) == 1), with_bundles(bundles), preconditions))
    return RolloutPlan(tuple(steps), with_bundles({mesh: trust.begun for mesh, trust in found.items()}))


def _name(current: Mapping[str, Move], *, alone: bool) -> str:
    return "; ".join(move.name if alone else f"{mesh}: {move.name}" for mesh, move in current.items())


def with_bundles(bundles: Mapping[str, Bundle]) -> Change:
    """The change that gives meshes these roots and leaves their other settings as they are."""

    def apply(fleet: Fleet) -> Fleet:
        meshes = dict(fleet.meshes)
        for mesh, bundle in bundles.items():
            if meshes[mesh].trust.bundle != bundle:
                trust = meshes[mesh].trust.model_copy(update={"roots": bundle, "signing": bundle[0]})
                meshes[mesh] = meshes[mesh].model_copy(update={"trust": trust})
        return fleet.model_copy(update={"meshes": meshes})

    return apply
