"""The way from one root of a mesh to another without a moment at which two workloads do not trust each other.

Clusters reach a stage one after another, and their workloads even later. So any two states that follow each other
must get along: each of them trusts whatever the other one signs with. From one root to another that takes three
steps, which are those of Istio's own test (tests/integration/security/cacert_rotation): both roots are trusted, the
new one signs, the old one is dropped. In each step one bundle holds the other, without which an istiod refuses the
new one (pilot/pkg/bootstrap/istio_ca.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from meshfleet.rollout.deployed import Bundle, Deployed, DeployedTrust
from meshfleet.rollout.walk import Change, Step, Walk
from meshfleet.topology.fleet import Fleet

NEEDS = ("trust", "proxies-take-roots", "remote-control-plane")
"""What must hold before another root signs or one is dropped: everybody has what came before."""


@dataclass(frozen=True)
class Move:
    """A state of one mesh and what it takes to go there from the state before."""

    name: str
    bundle: Bundle
    needs: tuple[str, ...] = ()


def next_bundle(now: Bundle, target: Bundle) -> Bundle:
    """The next state on the way to `target`; `now` itself when it is reached. There are at most two roots in each."""
    missing = [root for root in target if root not in now]
    leaving = [root for root in now if root not in target]
    if not missing and not leaving:
        return target
    if missing and len(now) == 1:
        return (now[0], missing[0])
    # Two roots of which one has to go; the one that signs has to hand over first.
    return now[:1] if now[1] in leaving else now[::-1]


def moves(deployed: DeployedTrust, target: Bundle) -> tuple[Move, ...]:
    """The states a mesh goes through until it is at `target`; none when it is there."""
    if deployed.settled and deployed.reached == target:
        return ()
    way = [deployed.begun]
    while way[-1] != target:
        way.append(next_bundle(way[-1], target))
    found = [_move(before, after) for before, after in pairwise(way)]
    if not deployed.settled:
        # A step that was begun is ended first.
        found.insert(0, Move(words(deployed.begun), deployed.begun))
    return tuple(found)


def _move(before: Bundle, after: Bundle) -> Move:
    if len(after) > len(before):
        return Move(f"both roots trusted ({before[0]} and {after[1]})", after)
    if len(after) < len(before):
        return Move(f"the old root is dropped ({before[1]})", after, NEEDS)
    return Move(f"the new root signs ({after[0]})", after, NEEDS)


def words(bundle: Bundle) -> str:
    """A state in words."""
    if len(bundle) == 1:
        return f"one root ({bundle[0]})"
    return f"both roots trusted ({' and '.join(bundle)}), {bundle[0]} signs"


def rotate_roots(deployed: Deployed, target: Fleet) -> Walk:
    """The walk of all meshes: each step takes every mesh that is not at its target one step further."""
    there = {mesh: trust for mesh, trust in deployed.trust.items() if mesh in target.meshes}
    ways = {mesh: moves(trust, target.meshes[mesh].trust.bundle) for mesh, trust in there.items()}
    longest = max(map(len, ways.values()), default=0)
    steps = []
    for position in range(longest):
        current = {mesh: way[position] for mesh, way in ways.items() if position < len(way)}
        bundles = {mesh: way[min(position, len(way) - 1)].bundle for mesh, way in ways.items() if way}
        needs = tuple(dict.fromkeys(need for move in current.values() for need in move.needs))
        steps.append(Step(_name(current, alone=len(target.meshes) == 1), with_bundles(bundles), needs))
    return Walk(tuple(steps), with_bundles({mesh: trust.begun for mesh, trust in there.items()}))


def _name(current: Mapping[str, Move], *, alone: bool) -> str:
    return "; ".join(move.name if alone else f"{mesh}: {move.name}" for mesh, move in current.items())


def with_bundles(bundles: Mapping[str, Bundle]) -> Change:
    """The change that gives meshes these roots, whatever else there is to them."""

    def apply(fleet: Fleet) -> Fleet:
        meshes = dict(fleet.meshes)
        for mesh, bundle in bundles.items():
            if meshes[mesh].trust.bundle != bundle:
                trust = meshes[mesh].trust.model_copy(update={"roots": bundle, "signing": bundle[0]})
                meshes[mesh] = meshes[mesh].model_copy(update={"trust": trust})
        return fleet.model_copy(update={"meshes": meshes})

    return apply
