"""The placement of one object as Karmada's API writes it.

What is declared is handed on wherever Karmada then decides as the direct engine does. Elsewhere the clusters, and their
shares as weights, are named: a division by weights that are the shares themselves has no ties. With `live` all of it is
handed on, and Karmada decides by what it sees.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meshfleet.federation.candidates import Candidate
from meshfleet.federation.karmada.affinities import affinity, tolerations
from meshfleet.federation.karmada.scheduling import DIVIDED, is_idle, replicas_of, scheduled
from meshfleet.federation.propagated import Propagated
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.kinds import JOB, kind_of
from meshfleet.topology.propagation.placement import Placement, ReplicaScheduling, SpreadConstraint

Object = dict[str, Any]


@dataclass(frozen=True)
class Compiled:
    """A placement, and whether its clusters are `named`: then it goes nowhere else. `divides`: into shares."""

    placement: Object
    named: bool
    divides: bool


def is_live(fleet: Fleet) -> bool:
    """Whether Karmada decides by what it sees."""
    return fleet.federation.karmada is not None and fleet.federation.karmada.scheduling == "live"


def compiled(one: Propagated, placement: Placement, clusters: Sequence[Candidate], *, live: bool) -> Compiled:
    """The placement of an object. `clusters` are all of the fleet."""
    replicas, divided = replicas_of(one.body), placement.replica_scheduling.replica_scheduling_type == "Divided"
    ours = divides(one, placement)
    if (
        not _depends(one, placement)
        and not (divided and is_idle(one.body))
        and ours == (divided and replicas > 0)
        and ((live and _expressible(placement)) or _alike(one, placement, clusters, replicas))
    ):
        return Compiled(_as_declared(placement), named=False, divides=ours)
    return Compiled(_named(one, placement, ours), named=True, divides=ours)


def _depends(one: Propagated, placement: Placement) -> bool:
    """Whether other objects decide where it goes: Karmada groups workloads by labels of all that it has."""
    return bool(one.follows) or placement.workload_affinity is not None


def divides(one: Propagated, placement: Placement) -> bool:
    """Whether Karmada is to write the share of each cluster into the object."""
    return (
        placement.replica_scheduling.replica_scheduling_type == "Divided"
        and kind_of(one.body) in DIVIDED
        and replicas_of(one.body) > 0
    )


def _expressible(placement: Placement) -> bool:
    """Whether Karmada has words for all of it."""
    by_label = any(each.spread_by_label for each in placement.spread_constraints)
    return not by_label and (not placement.overflow_affinities or placement.replica_scheduling.by_capacity)


def _alike(one: Propagated, placement: Placement, clusters: Sequence[Candidate], replicas: int) -> bool:
    if kind_of(one.body) == JOB and "completions" in (one.body.get("spec") or {}):
        # Karmada divides them by rules of its own, so that the share of each cluster is written by name.
        return False
    found = scheduled(placement, replicas, clusters)
    if found is None or found.keys() != set(one.copies):
        return False
    return all(count is None for count in found.values()) or dict(found) == dict(one.decision.replicas or {})


def _as_declared(placement: Placement) -> Object:
    made: Object = {}
    if placement.overflow_affinities:
        first, *others = map(affinity, placement.overflow_affinities)
        made["clusterAffinities"] = [first | ({"overflowAffinities": others} if others else {})]
    elif placement.cluster_affinities:
        made["clusterAffinities"] = [affinity(each) for each in placement.cluster_affinities]
    elif placement.cluster_affinity is not None:
        made["clusterAffinity"] = affinity(placement.cluster_affinity)
    return _tolerating(made, placement) | _spread(placement.spread_constraints) | _shares(placement.replica_scheduling)


def _spread(declared: Sequence[SpreadConstraint]) -> Object:
    if not declared:
        return {}
    made: list[Object] = [
        {"spreadByField": each.spread_by_field, "minGroups": each.min_groups}
        | ({"maxGroups": each.max_groups} if each.max_groups else {})
        for each in declared
    ]
    if not any(each.spread_by_field == "cluster" for each in declared):
        # Its admission wants one over clusters beside any other.
        made.append({"spreadByField": "cluster", "minGroups": 1})
    return {"spreadConstraints": made}


def _shares(declared: ReplicaScheduling) -> Object:
    if declared.replica_scheduling_type == "Duplicated":
        return {"replicaScheduling": {"replicaSchedulingType": "Duplicated"}}
    made: Object = {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": declared.replica_division_preference,
    }
    if declared.dynamic_weight:
        made["weightPreference"] = {"dynamicWeight": declared.dynamic_weight}
    # Its schema knows no weight 0, which is that of clusters without one.
    elif static := [each for each in declared.static_weights if each.weight]:
        made["weightPreference"] = {
            "staticWeightList": [
                {"targetCluster": affinity(each.target_clusters), "weight": each.weight} for each in static
            ]
        }
    return {"replicaScheduling": made}


def _named(one: Propagated, placement: Placement, divided: bool) -> Object:
    made: Object = {"clusterAffinity": {"clusterNames": list(one.copies)}}
    # No taint stops what follows other objects.
    made = made | {"clusterTolerations": [{"operator": "Exists"}]} if one.follows else _tolerating(made, placement)
    shares = one.decision.replicas
    if not divided or shares is None:
        return made | {"replicaScheduling": {"replicaSchedulingType": "Duplicated"}}
    by_share: dict[int, list[str]] = {}
    for cluster, share in shares.items():
        by_share.setdefault(share, []).append(cluster)
    weights = [{"targetCluster": {"clusterNames": names}, "weight": share} for share, names in by_share.items()]
    return made | {
        "replicaScheduling": {
            "replicaSchedulingType": "Divided",
            "replicaDivisionPreference": "Weighted",
            "weightPreference": {"staticWeightList": weights},
        }
    }


def _tolerating(made: Object, placement: Placement) -> Object:
    return made | (
        {"clusterTolerations": tolerations(placement.cluster_tolerations)} if placement.cluster_tolerations else {}
    )
