"""The status of propagations: a row for each object and cluster, summed by object and by propagation. Pure.

The keys are those of the status document (meshfleet/status/propagations.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from meshfleet.federation.health import Health, Word
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.federation.summed_health import merged_conditions, ready_replicas, summed, why
from meshfleet.topology.fleet import Evictions, Fleet
from meshfleet.topology.propagation.kinds import ObjectKey

if TYPE_CHECKING:
    from meshfleet.status.propagations import Eviction

Answers = Mapping[str, Mapping[ObjectKey, Health]]
"""How each object fares, by cluster."""
Row = dict[str, Any]


def placed_rows(fleet: Fleet) -> list[Row]:
    """Every propagation with its objects and where they are placed, in the order of names."""
    return _rows(fleet, None)


def eviction_rows(evictions: Evictions) -> list[Row]:
    """A row for each share that is elsewhere."""
    return [
        {"propagation": name, "cluster": cluster, "since": since}
        for name, clusters in evictions.items()
        for cluster, since in clusters.items()
    ]


def evictions_of(rows: Iterable[Eviction]) -> Evictions:
    """The evictions of such rows, as the status has them."""
    found: Evictions = {}
    for row in rows:
        found.setdefault(row.propagation, {})[row.cluster] = row.since
    return found


def health_rows(fleet: Fleet, answers: Answers) -> list[Row]:
    """The same with how each object fares; `answers` have every object in each of its clusters."""
    return _rows(fleet, answers)


def _rows(fleet: Fleet, answers: Answers | None) -> list[Row]:
    found: dict[str, list[Row]] = {name: [] for name in fleet.propagations}
    for one in propagations(fleet).objects:
        found[one.propagation].append(_object(one, answers))
    return [
        {"name": name, "objects": objects}
        | ({} if answers is None else {"health": summed(Word(each["health"]) for each in objects).value})
        for name, objects in found.items()
    ]


def _object(one: Propagated, answers: Answers | None) -> Row:
    replicas = one.replicas
    row: Row = {
        "apiVersion": one.body["apiVersion"],
        "kind": one.key.kind,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "replicas": None if replicas is None else sum(replicas.values()),
        "clusters": [
            {"cluster": cluster, "replicas": None if replicas is None else replicas[cluster]} for cluster in one.copies
        ],
    }
    if answers is None:
        return row
    here = {cluster: answers[cluster][one.key] for cluster in one.copies}
    for place, health in zip(row["clusters"], here.values(), strict=True):
        place |= {
            "health": health.word.value,
            "why": health.why,
            "readyReplicas": health.ready,
            "conditions": dict(health.conditions),
        }
    return row | {
        "health": summed(health.word for health in here.values()).value,
        "why": why(here),
        "readyReplicas": ready_replicas(here),
        "conditions": merged_conditions(here),
    }
