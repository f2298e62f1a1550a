"""What is free in each cluster, and how many pods of a kind fit into it.

Amounts are those of the scheduler of Kubernetes: thousandths of a core and bytes, requests rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from typing import Final, NamedTuple

from meshfleet.federation.candidates import Candidate
from meshfleet.topology.propagation.capacity import quantity


class Requests(NamedTuple):
    """What one pod asks for: thousandths of a core, and bytes of memory; it is one pod besides."""

    cpu: int = 0
    memory: int = 0


NOTHING: Final = Requests()
"""The requests of a pod that asks for its place alone."""


class Room(NamedTuple):
    """What is free of each resource of a cluster; None for one that it does not limit.

    Less than nothing is free where workloads that are not divided by capacity asked for more than there is.
    """

    cpu: int | None = None
    memory: int | None = None
    pods: int | None = None

    def fits(self, requests: Requests) -> int | None:
        """How many pods fit; None where nothing limits them."""
        cpu, memory, pods = self
        least = pods
        # Not a loop: this runs for every workload and cluster.
        if cpu is not None and requests.cpu and (least is None or cpu < least * requests.cpu):
            least = cpu // requests.cpu
        if memory is not None and requests.memory and (least is None or memory < least * requests.memory):
            least = memory // requests.memory
        return least if least is None or least > 0 else 0

    def shortage(self, requests: Requests) -> str:
        """The resources of which there is not enough for one more pod, in words; empty where it fits."""
        short = [
            f"{amount(what, asked)}, {max(free, 0) and amount(what, free)} free"
            for what, free, asked in zip(self._fields, self, (*requests, 1), strict=True)
            if free is not None and asked and free < asked
        ]
        return f"a replica needs {' and '.join(short)}" if short else ""


@dataclass(frozen=True)
class Free:
    """What is free in each cluster."""

    rooms: Mapping[str, Room]

    def fits(self, clusters: Iterable[str], requests: Requests) -> dict[str, int | None]:
        """How many pods fit into each of these clusters; None where nothing limits them."""
        return {cluster: self.rooms[cluster].fits(requests) for cluster in clusters}

    def less(self, requests: Requests, replicas: Mapping[str, int]) -> Free:
        """What is free once so many replicas are in each of these clusters."""
        taken: dict[str, Room] = {}
        for name, count in replicas.items():
            cpu, memory, pods = self.rooms[name]
            if count and (cpu, memory, pods) != _UNLIMITED:
                taken[name] = Room(
                    None if cpu is None else cpu - count * requests.cpu,
                    None if memory is None else memory - count * requests.memory,
                    None if pods is None else pods - count,
                )
        return Free({**self.rooms, **taken}) if taken else self


_UNLIMITED: Final = Room()


def free_in(clusters: Iterable[Candidate]) -> Free:
    """What is free in clusters before anything is placed: their declared capacity."""
    return Free({cluster.name: _room(cluster) for cluster in clusters})


def _room(cluster: Candidate) -> Room:
    declared = cluster.capacity
    if declared is None:
        return _UNLIMITED
    return Room(
        None if declared.cpu is None else int((quantity(declared.cpu) * 1000).to_integral_value(ROUND_FLOOR)),
        None if declared.memory is None else int(quantity(declared.memory).to_integral_value(ROUND_FLOOR)),
        declared.pods,
    )


def amount(what: str, count: int) -> str:
    """An amount as a quantity, in the largest unit that shows it exactly."""
    if what == "cpu":
        return f"{count}m cpu" if count % 1000 else f"{count // 1000} cpu"
    if what == "pods":
        return f"{count} {'pod' if count == 1 else 'pods'}"
    for unit, power in (("Gi", 30), ("Mi", 20), ("Ki", 10)):
        if count % (1 << power) == 0:
            return f"{count >> power}{unit} memory"
    return f"{count} bytes of memory"
