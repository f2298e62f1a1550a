"""The clusters of a fleet as placement sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.capacity import Capacity
from meshfleet.topology.propagation.placement import Taint


@dataclass(frozen=True)
class Candidate:
    """A cluster with what placements select it by; `region` and `zone` are empty where none is declared.

    `evicted` says why its share is elsewhere for now; it is empty where it is not.
    """

    name: str
    provider: str = ""
    region: str = ""
    zone: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    capacity: Capacity | None = None
    evicted: str = ""


def candidates(fleet: Fleet) -> tuple[Candidate, ...]:
    """All clusters of a fleet, in the order of the stack file."""
    return tuple(
        Candidate(
            name, cluster.provider, cluster.region, cluster.zone, cluster.labels, cluster.taints, cluster.capacity
        )
        for name, cluster in fleet.clusters.items()
    )
