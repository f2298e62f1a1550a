"""The groups of clusters that a placement names, and the clusters of each that are eligible: selected and tolerated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from meshfleet.federation.affinity import requirements, unmet, untolerated
from meshfleet.federation.candidates import Candidate
from meshfleet.topology.propagation.affinity import ClusterAffinity, NamedClusterAffinity
from meshfleet.topology.propagation.placement import Placement, StaticWeight


@dataclass(frozen=True)
class Tier:
    """Clusters that are filled together; `name` is that of their affinity, empty where it has none."""

    name: str
    clusters: tuple[Candidate, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the clusters, in order."""
        return tuple(cluster.name for cluster in self.clusters)


@dataclass(frozen=True)
class Group:
    """Clusters that are chosen from together: one tier, or several that are filled in order.

    `left_out` says of each other cluster why it is not eligible. `weights` are static, None where none are declared.
    """

    tiers: tuple[Tier, ...]
    left_out: Mapping[str, str]
    weights: Mapping[str, int] | None

    @property
    def name(self) -> str:
        """The name of its affinity, the first one's where it has several."""
        return self.tiers[0].name

    @cached_property
    def unweighted(self) -> Mapping[str, str]:
        """Why clusters take no part in a division by static weights."""
        weights = self.weights
        if weights is None:
            return {}
        return {
            name: f"{'weight 0' if name in weights else 'no weight'} in staticWeights"
            for tier in self.tiers
            for name in tier.names
            if not weights.get(name)
        }


def groups(placement: Placement, candidates: Sequence[Candidate]) -> tuple[Group, ...]:
    """The groups of a placement, of which the first that fits is taken; what needs no look at capacity.

    A cluster of several overflow affinities belongs to the first of them.
    """
    tolerations = placement.cluster_tolerations
    tainted = {
        # Failover is explicit, so that no toleration keeps anything at a cluster that it is evicted from.
        cluster.name: why
        for cluster in candidates
        if (why := cluster.evicted or untolerated(tolerations, cluster))
    }
    if placement.overflow_affinities:
        alternatives: list[Sequence[ClusterAffinity]] = [placement.overflow_affinities]
    elif placement.cluster_affinities:
        alternatives = [(affinity,) for affinity in placement.cluster_affinities]
    else:
        alternatives = [(placement.cluster_affinity or ClusterAffinity(),)]
    declared = placement.replica_scheduling.static_weights
    weights = _weights(declared, candidates) if declared else None
    return tuple(_group(affinities, candidates, tainted, weights) for affinities in alternatives)


def without(alternatives: Sequence[Group], barred: Mapping[str, str]) -> tuple[Group, ...]:
    """The groups without clusters that one object may not go to; `barred` has the reason of each."""
    return tuple(
        Group(
            tuple(
                Tier(tier.name, tuple(one for one in tier.clusters if one.name not in barred)) for tier in group.tiers
            ),
            {**group.left_out, **{name: barred[name] for tier in group.tiers for name in tier.names if name in barred}},
            group.weights,
        )
        for group in alternatives
    )


def _group(
    affinities: Sequence[ClusterAffinity],
    candidates: Sequence[Candidate],
    tainted: Mapping[str, str],
    weights: Mapping[str, int] | None,
) -> Group:
    tiers: list[list[Candidate]] = [[] for _ in affinities]
    wanted = [(_name(affinity), requirements(affinity), tier) for affinity, tier in zip(affinities, tiers, strict=True)]
    left_out: dict[str, str] = {}
    for cluster in candidates:
        reasons: list[str] = []
        for name, needed, tier in wanted:
            if why := unmet(needed, cluster):
                reasons.append(f"{name}: {why}" if name else why)
                continue
            if cluster.name in tainted:
                reasons = [tainted[cluster.name]]
            else:
                tier.append(cluster)
                reasons = []
            break
        if reasons:
            left_out[cluster.name] = "; ".join(reasons)
    return Group(tuple(Tier(name, tuple(tier)) for name, _, tier in wanted), left_out, weights)


def _weights(declared: Iterable[StaticWeight], candidates: Sequence[Candidate]) -> dict[str, int]:
    """The largest weight of each cluster that has one."""
    found: dict[str, int] = {}
    by_name = {cluster.name: cluster for cluster in candidates}
    for entry in declared:
        names = entry.target_clusters.cluster_names
        pool = [by_name[name] for name in names if name in by_name] if names else candidates
        needed = requirements(entry.target_clusters)
        for cluster in pool:
            if not unmet(needed, cluster):
                found[cluster.name] = max(entry.weight, found.get(cluster.name, 0))
    return found


def _name(affinity: ClusterAffinity) -> str:
    return affinity.affinity_name if isinstance(affinity, NamedClusterAffinity) else ""
