"""Evictions: placement without the clusters that shares are taken from, and two placements that are held together.

While shares move, each cluster has what the placement of before or the one of after gives it, whichever is more: the
new home gets its share before anything is taken away elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meshfleet.federation.candidates import Candidate
from meshfleet.topology.fleet import Evictions, Fleet

if TYPE_CHECKING:
    from meshfleet.federation.copies import Copy
    from meshfleet.federation.placement import Decision
    from meshfleet.federation.propagated import Propagated


def without_evicted(clusters: Sequence[Candidate], evicted: Mapping[str, str]) -> Sequence[Candidate]:
    """The clusters as a propagation sees them: as with a `NoExecute` taint that nothing tolerates where it is evicted.

    `evicted` has since when each is unreachable.
    """
    if not evicted:
        return clusters
    return tuple(
        replace(cluster, evicted=f"its share is elsewhere, no response since {evicted[cluster.name]}")
        if cluster.name in evicted
        else cluster
        for cluster in clusters
    )


def with_evictions_told(decision: Decision, clusters: Sequence[Candidate]) -> Decision:
    """The decision with the eviction as the reason of each cluster that is left out for it, whatever else there is."""
    evicted = {one.name: one.evicted for one in clusters if one.evicted and one.name in decision.left_out}
    return replace(decision, left_out={**decision.left_out, **evicted}) if evicted else decision


def evictions_held(fleet: Fleet) -> list[Evictions]:
    """The evictions of the placements that are held beside the one of now; none where that one is held alone.

    They are those of before while shares move. Where a propagation leaves what a cluster has (`evict: false`), its
    declared placement is held too until the share is back.
    """
    before = fleet.evictions if fleet.evictions_before is None else fleet.evictions_before
    found = [before] if before != fleet.evictions else []
    staying = {name for name in {**before, **fleet.evictions} if not _evicts(fleet, name)}
    for evictions in (before, fleet.evictions) if staying else ():
        declared = {name: clusters for name, clusters in evictions.items() if name not in staying}
        if declared != fleet.evictions and declared not in found:
            found.append(declared)
    return found


def _evicts(fleet: Fleet, name: str) -> bool:
    failover = fleet.propagations[name].failover
    return failover is None or failover.evict


def together(before: Sequence[Propagated], after: Sequence[Propagated], order: Sequence[str]) -> list[Propagated]:
    """Each object in the clusters of both placements, with the larger number of replicas; `order` is theirs.

    Why a cluster is left out is what the placement of after says, and so is every object that before has not.
    """
    known = {(one.propagation, one.position): one for one in before}
    return [
        _held(known[key], one, order) if (key := (one.propagation, one.position)) in known else one for one in after
    ]


def _held(before: Propagated, after: Propagated, order: Sequence[str]) -> Propagated:
    if before.copies == after.copies:
        return after
    sides = {name: before if _more(before, after, name) else after for name in {**before.copies, **after.copies}}
    clusters = tuple(name for name in order if name in sides)
    replicas = {name: (sides[name].decision.replicas or {}).get(name, 0) for name in clusters}
    decision = replace(
        after.decision,
        clusters=clusters,
        left_out={name: why for name, why in after.decision.left_out.items() if name not in sides},
        replicas=None if after.decision.replicas is None else replicas,
    )
    copies: dict[str, Copy] = {name: sides[name].copies[name] for name in clusters}
    shared = {name: sides[name].shared[name] for name in clusters}
    follows = {name: side.follows[name] for name, side in sides.items() if name in side.follows}
    requires = {name: side.requires[name] for name, side in sides.items() if name in side.requires}
    return replace(after, decision=decision, shared=shared, copies=copies, follows=follows, requires=requires)


def _more(before: Propagated, after: Propagated, cluster: str) -> bool:
    """Whether a cluster holds more by the placement of before."""
    if cluster not in after.copies or cluster not in before.copies:
        return cluster in before.copies
    return (before.replicas or {}).get(cluster, 0) > (after.replicas or {}).get(cluster, 0)
