"""What each cluster gets of an object: its share of the replicas, then the overrides that are for the cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import requirements, unmet
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.overrides import faults, overridden
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.overrides import Override

Object = dict[str, Any]
_DIGITS: Final = 16
_SORTED: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


@dataclass(frozen=True)
class Step:
    """An override that changes an object: its position in its propagation, and the object before and after it."""

    position: int
    before: Object
    after: Object


@dataclass(frozen=True)
class Copy:
    """An object as a cluster gets it, with the overrides that made it so, in order."""

    body: Object
    steps: tuple[Step, ...] = ()

    @cached_property
    def content(self) -> str:
        """What stands for the body, made once for all clusters that have it."""
        return content(self.body)


def content(body: Mapping[str, Any]) -> str:
    """What stands for an object as it is declared in a cluster: the same for the same object, in any order of keys."""
    return hashlib.sha256(_SORTED.encode(body).encode(errors="replace")).hexdigest()[:_DIGITS]


class Targets:
    """The clusters that each override of a propagation is for; each question is answered once."""

    def __init__(self, overrides: Sequence[Override], clusters: Sequence[Candidate]) -> None:
        self._overrides = overrides
        self._wanted = [requirements(override.target_clusters) for override in overrides]
        self._clusters = {cluster.name: cluster for cluster in clusters}
        self._known: dict[str, tuple[int, ...]] = {}

    def of(self, cluster: str) -> tuple[int, ...]:
        """The positions of the overrides that are for a cluster."""
        if cluster not in self._known:
            candidate = self._clusters[cluster]
            wanted = enumerate(self._wanted)
            self._known[cluster] = tuple(position for position, each in wanted if not unmet(each, candidate))
        return self._known[cluster]

    def faults(self, path: str, objects: Sequence[Object]) -> Iterator[Fault]:
        """What is wrong with the overrides of the propagation at `path`, in the clusters that they are for."""
        if self._overrides:
            chosen = dict.fromkeys(map(self.of, self._clusters))
            yield from faults(path, objects, self._overrides, [self._selected(each) for each in chosen])

    def _selected(self, positions: tuple[int, ...]) -> Callable[[ClusterAffinity], bool]:
        """Whether the affinity of an override is among those at these positions, which select a cluster."""
        affinities = {id(self._overrides[position].target_clusters) for position in positions}
        return lambda affinity: id(affinity) in affinities


def copies(shared: Mapping[str, Object], overrides: Sequence[Override], targets: Targets, path: str) -> dict[str, Copy]:
    """The object of each cluster with its overrides; clusters whose objects are alike have the very same one.

    `path` is that of the propagation in the stack file. Raises DocumentError for an override that does not fit.
    """
    made: dict[tuple[int, tuple[int, ...]], Copy] = {}
    found = {}
    for cluster, body in shared.items():
        chosen = targets.of(cluster)
        # Bodies live as long as `shared` does, so that an identity stands for one of them.
        key = (id(body), chosen)
        if key not in made:
            steps = tuple(_steps(body, overrides, chosen, path))
            made[key] = Copy(steps[-1].after if steps else body, steps)
        found[cluster] = made[key]
    return found


def _steps(body: Object, overrides: Sequence[Override], positions: Sequence[int], path: str) -> Iterator[Step]:
    for position in positions:
        # One by one, so that each can be shown; its place is only in errors, which faults has found before.
        made = overridden(body, overrides[position : position + 1], lambda _: True, path)
        if made.applied:
            yield Step(position, body, made.body)
            body = made.body
