"""The share of each cluster in the replicas of a workload that is divided.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#replica-scheduling-strategy
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from meshfleet.federation.division import divide
from meshfleet.topology.propagation.overrides import MOST_REPLICAS
from meshfleet.topology.propagation.placement import ReplicaScheduling

Fits = Mapping[str, int | None]
"""How many replicas fit into each cluster; None where nothing limits them."""


def room(fits: int | None) -> int:
    """How many replicas fit as a weight.

    A cluster without a limit weighs as much as one that holds the most replicas there can be. Weights do not depend on
    the replicas or on other clusters, so that the laws of `divide` hold for them.
    """
    return MOST_REPLICAS if fits is None else min(fits, MOST_REPLICAS)


def share(
    scheduling: ReplicaScheduling,
    replicas: int,
    clusters: Sequence[str],
    weights: Mapping[str, int] | None,
    fits: Fits | None,
    core: Collection[str] = (),
) -> dict[str, int]:
    """The replicas of each of `clusters`; fewer than `replicas` in all where no more fit.

    `weights` are static, None for equal ones. `fits` limits each cluster, None where capacity takes no part. Clusters
    of the `core` hold replicas where that can be, even where fewer clusters had the capacity.
    """
    limits = None if fits is None else {name: most for name in clusters if (most := fits[name]) is not None}
    if fits is None or not scheduling.by_capacity:
        return divide(replicas, {name: 1 if weights is None else weights.get(name, 0) for name in clusters}, limits)
    by_room = {name: room(fits[name]) for name in clusters}
    if scheduling.replica_division_preference == "Aggregated":
        by_room |= dict.fromkeys(set(clusters) - _as_few_as_hold(replicas, by_room, fits, core), 0)
    return divide(replicas, by_room, limits)


def _as_few_as_hold(replicas: int, by_room: Mapping[str, int], fits: Fits, core: Collection[str]) -> set[str]:
    """The clusters with the most room that hold all replicas together; all of them where that is not enough."""
    taken: set[str] = set()
    held = 0
    for name in sorted(by_room, key=lambda name: (name not in core, -by_room[name])):
        if held >= replicas and name not in core:
            break
        most = fits[name]
        taken.add(name)
        held += replicas if most is None else most
    return taken
