"""What each cluster gets of an object: its share of the replicas, then the overrides that are for the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshfleet.federation.affinity import requirements, unmet
from meshfleet.federation.candidates import Candidate
from meshfleet.topology.propagation.overrides import Override

Object = dict[str, Any]


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


class Targets:
    """The clusters that each override of a propagation is for; each question is answered once."""

    def __init__(self, overrides: Sequence[Override], clusters: Sequence[Candidate]) -> None:
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
        after = body
        if after is not body:
            yield Step(position, body, after)
            body = after
