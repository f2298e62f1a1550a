"""The waves in which a change of a propagation reaches its clusters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from meshfleet.federation.affinity import requirements, unmet
from meshfleet.federation.candidates import Candidate
from meshfleet.topology.propagation.rollout import Rollout, Wave


def waves(rollout: Rollout, clusters: Sequence[Candidate]) -> tuple[tuple[str, ...], ...]:
    """The clusters of each wave by name; every cluster is in one of them, and none is without clusters.

    The clusters keep their order; those that no wave takes are the last wave.
    """
    left, found = list(clusters), []
    for wave in rollout.waves:
        taken = _taken(wave, left, len(clusters))
        left = [cluster for cluster in left if cluster not in taken]
        found.append(taken)
    found.append(left)
    return tuple(tuple(cluster.name for cluster in each) for each in found if each)


def _taken(wave: Wave, left: Sequence[Candidate], of: int) -> list[Candidate]:
    if wave.target_clusters is not None:
        wanted = requirements(wave.target_clusters)
        return [cluster for cluster in left if not unmet(wanted, cluster)]
    share = -(-of * int((wave.percent or "0%").rstrip("%")) // 100)
    return list(left[: wave.clusters if wave.clusters is not None else share])
