"""Where Karmada places an object, as far as that follows from the declaration alone.

By it a placement is handed on as it is declared wherever both engines decide alike.

Sources, of karmada-io/karmada v1.18.2: pkg/scheduler/core/{generic_scheduler,assignment,division_algorithm}.go,
pkg/util/helper/{binding,webstermethod}.go and pkg/resourceinterpreter/default/native/replica.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meshfleet.federation.affinity import requirements, unmet, untolerated
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.division import divide
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.kinds import JOB, REPLICA_FIELDS, kind_of, mapping
from meshfleet.topology.propagation.placement import Placement

DIVIDED: Final = frozenset({("apps", "Deployment"), ("apps", "ReplicaSet"), ("apps", "StatefulSet"), JOB})
"""The kinds whose replicas Karmada divides; of others it knows none, but that a Pod is one."""

Outcome = Mapping[str, int | None]
"""The clusters with their replicas; None where all replicas, if there are any, are in each."""


def replicas_of(body: Mapping[str, Any]) -> int:
    """The replicas of an object as Karmada counts them; 0 for one without."""
    kind = kind_of(body)
    if kind == ("", "Pod"):
        return 1
    if kind not in DIVIDED:
        return 0
    declared = mapping(body.get("spec")).get(REPLICA_FIELDS[kind])
    # The API server of Karmada writes the default.
    return 1 if declared is None else int(declared)


def is_idle(body: Mapping[str, Any]) -> bool:
    """Whether an object is a workload without replicas, which Karmada places nowhere as it is."""
    return kind_of(body) in DIVIDED and replicas_of(body) == 0


def awake(body: dict[str, Any]) -> dict[str, Any]:
    """A workload without replicas with one, so that Karmada places it; overrides give clusters none."""
    return body | {"spec": {**mapping(body.get("spec")), REPLICA_FIELDS[kind_of(body)]: 1}}


def scheduled(placement: Placement, replicas: int, clusters: Sequence[Candidate]) -> Outcome | None:
    """Where an object with so many replicas goes; None where Karmada decides by more than the declaration.

    That is by the free capacity of nodes, by scores of clusters for spread constraints, and, where averages are equal,
    by the identity of the object: with it names count forwards or backwards.
    """
    scheduling = placement.replica_scheduling
    if placement.overflow_affinities or placement.spread_constraints:
        return None
    divides = scheduling.replica_scheduling_type == "Divided" and replicas > 0
    if divides and scheduling.by_capacity:
        return None
    chosen = _first_that_fits(placement, clusters)
    if not divides:
        return dict.fromkeys((cluster.name for cluster in chosen), None)
    weights = _weights(placement, chosen)
    forwards, backwards = (
        divide(replicas, {name: weights[name] for name in sorted(weights, reverse=reverse)})
        for reverse in (False, True)
    )
    if forwards != backwards:
        return None
    return {name: count for name, count in forwards.items() if count}


def _first_that_fits(placement: Placement, clusters: Sequence[Candidate]) -> list[Candidate]:
    affinities: Sequence[ClusterAffinity] = placement.cluster_affinities or (
        placement.cluster_affinity or ClusterAffinity(),
    )
    tolerated = [one for one in clusters if not untolerated(placement.cluster_tolerations, one)]
    for affinity in affinities:
        wanted = requirements(affinity)
        if found := [cluster for cluster in tolerated if not unmet(wanted, cluster)]:
            return found
    return []


def _weights(placement: Placement, clusters: Sequence[Candidate]) -> dict[str, int]:
    """The largest static weight of each cluster; equal ones where none has any."""
    found: dict[str, int] = {}
    for entry in placement.replica_scheduling.static_weights:
        wanted = requirements(entry.target_clusters)
        for cluster in clusters:
            if not unmet(wanted, cluster) and entry.weight:
                found[cluster.name] = max(entry.weight, found.get(cluster.name, 0))
    return found or {cluster.name: 1 for cluster in clusters}
