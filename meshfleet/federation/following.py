"""Dependencies: what objects refer to goes to the clusters where they go, with all that it refers to itself.

References are those of each cluster, since overrides may change them. Clusters in which an object refers to the same
are taken together, so the work is that of the pairs of objects and clusters.

Source: `propagateDeps` of https://karmada.io/docs/userguide/scheduling/propagate-dependencies/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed
from meshfleet.federation.copies import Copy, Targets, copies
from meshfleet.federation.dependencies import references
from meshfleet.federation.dependency_cycles import cycle_faults
from meshfleet.federation.replicas import need_of
from meshfleet.federation.workload_affinity import is_grouped
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, ObjectKey, is_namespaced, kind_of

if TYPE_CHECKING:
    from meshfleet.federation.propagated import Propagated

UNREFERRED = "nothing there refers to it"
"""Why an object that goes nowhere by itself is not in a cluster."""


@dataclass(frozen=True)
class Followed:
    """The objects with what follows others, what is wrong, and references to what no propagation declares."""

    objects: tuple[Propagated, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def follows_anything(fleet: Fleet) -> bool:
    """Whether any object may go where it is not placed."""
    return any(propagation.follow_dependencies for propagation in fleet.propagations.values())


def followed(
    fleet: Fleet, objects: Sequence[Propagated], targets: Mapping[str, Targets], order: Sequence[str]
) -> Followed:
    """The objects, each also where others that follow their dependencies refer to it.

    `targets` are those of each propagation, `order` is that of the clusters. The order of objects changes nothing.
    """
    if not follows_anything(fleet):
        return Followed(tuple(objects))
    way = _Way(fleet, objects, targets, order)
    way.run()
    found = tuple(way.made(at) for at in range(len(objects)))
    return Followed(found, (*way.faults.values(), *cycle_faults(found)), tuple(way.notes()))


@dataclass
class _Added:
    """What an object gets beyond its own placement: copies, who refers to it there, and what it refers to itself."""

    copies: dict[str, Copy] = field(default_factory=dict)
    referrers: dict[str, list[int]] = field(default_factory=dict)
    requires: dict[str, tuple[ObjectKey, ...]] = field(default_factory=dict)
    by_overrides: dict[tuple[int, ...], Copy] = field(default_factory=dict)


class _Way:
    """The way from object to object: each is looked at once for each cluster in which its references are followed."""

    def __init__(
        self, fleet: Fleet, objects: Sequence[Propagated], targets: Mapping[str, Targets], order: Sequence[str]
    ) -> None:
        self._fleet, self._objects, self._targets, self._order = fleet, objects, targets, order
        self._index = {one.key: at for at, one in enumerate(objects)}
        self._added: dict[int, _Added] = {}
        self._undeclared: dict[ObjectKey, set[int]] = {}
        self.faults: dict[tuple[str, str], Fault] = {}

    def run(self) -> None:
        """Follow all references, transitively."""
        waiting = deque(
            (at, tuple(one.copies))
            for at, one in enumerate(self._objects)
            if self._fleet.propagations[one.propagation].follow_dependencies
        )
        while waiting:
            at, clusters = waiting.popleft()
            followed_in = self._of(at).requires
            alike: dict[int, list[str]] = {}
            for cluster in clusters:
                if cluster not in followed_in:
                    alike.setdefault(id(self._copy(at, cluster).body), []).append(cluster)
            for group in alike.values():
                required = self._required(at, group[0])
                followed_in.update(dict.fromkeys(group, tuple(self._objects[other].key for other in required)))
                for other in required:
                    if self._goes_along(other, at, group):
                        waiting.append((other, tuple(group)))

    def made(self, at: int) -> Propagated:
        """An object with all that was found of it."""
        one, added = self._objects[at], self._added.get(at)
        if added is None:
            return one
        if not added.copies:
            return replace(one, requires=added.requires)
        there = {**one.copies, **added.copies}
        clusters = tuple(name for name in self._order if name in there)
        replicas = one.decision.replicas
        if replicas is not None and (need := need_of(one.body)) is not None:
            replicas = {name: replicas.get(name, need.replicas) for name in clusters}
        left_out = {name: why for name, why in one.decision.left_out.items() if name not in added.copies}
        named = {name: sorted({self._objects[by].key.short for by in found}) for name, found in added.referrers.items()}
        return replace(
            one,
            decision=replace(one.decision, clusters=clusters, left_out=left_out, replicas=replicas),
            shared={name: one.shared.get(name, one.body) for name in clusters},
            copies={name: there[name] for name in clusters},
            follows={name: tuple(named[name]) for name in clusters if name in named},
            requires=added.requires,
        )

    def notes(self) -> Iterable[str]:
        """References to what no propagation declares, which the clusters may have all the same."""
        for key, by in sorted(self._undeclared.items()):
            names = sorted({self._objects[at].key.short for at in by})
            verb = "refers" if len(names) == 1 else "refer"
            yield f"{listed(names)} {verb} to {key.short}, which no propagation declares"

    def _of(self, at: int) -> _Added:
        return self._added.setdefault(at, _Added())

    def _copy(self, at: int, cluster: str) -> Copy:
        found = self._objects[at].copies.get(cluster)
        return self._added[at].copies[cluster] if found is None else found

    def _required(self, at: int, cluster: str) -> list[int]:
        """The objects that one refers to in a cluster, as far as they are declared."""
        one = self._objects[at]
        found = references(self._copy(at, cluster).body, self._fleet.propagations[one.propagation].dependency_rules)
        for place, why in found.wrong:
            path = f"propagations.{one.propagation}.{place}"
            self.faults.setdefault((path, why), Fault(path, why))
        required: dict[int, None] = {}
        for key in found.keys:
            other = self._index.get(key)
            if other is None and is_namespaced(*key[:2]) is None:
                other = self._index.get(key._replace(namespace=""))
            if other is None:
                self._undeclared.setdefault(key, set()).add(at)
            else:
                required[other] = None
        return [*required]

    def _goes_along(self, at: int, by: int, clusters: Sequence[str]) -> bool:
        """Take an object to where another refers to it; whether it can go there."""
        one, added = self._objects[at], self._of(at)
        extra = [cluster for cluster in clusters if cluster not in one.copies]
        if extra and (why := self._bound(one)):
            path = one.path
            self.faults.setdefault(
                (path, ""),
                Fault(
                    path,
                    f"{self._objects[by].key.short} refers to it in {listed(extra)}, where it is not placed, and "
                    f"{why}; place them together, or do not refer to it",
                ),
            )
            return False
        for cluster in extra:
            added.referrers.setdefault(cluster, []).append(by)
            if cluster not in added.copies:
                added.copies[cluster] = self._made_for(one, added, cluster)
        return True

    def _bound(self, one: Propagated) -> str:
        """Why an object goes nowhere but where its placement says; empty where it may go along."""
        placement = self._fleet.propagations[one.propagation].placement
        if kind_of(one.body) in REPLICA_FIELDS and placement.replica_scheduling.replica_scheduling_type == "Divided":
            return "its replicas are divided"
        return "its placement has a workloadAffinity" if is_grouped(placement, one.body) else ""

    def _made_for(self, one: Propagated, added: _Added, cluster: str) -> Copy:
        """The object with the overrides of its own propagation; clusters with the same overrides have the same."""
        targets = self._targets[one.propagation]
        if not added.by_overrides:
            alike = ((name, copy) for name, copy in one.copies.items() if one.shared[name] is one.body)
            added.by_overrides.update((targets.of(name), copy) for name, copy in alike)
        chosen = targets.of(cluster)
        if chosen not in added.by_overrides:
            overrides = self._fleet.propagations[one.propagation].overrides
            made = copies({cluster: one.body}, overrides, targets, f"propagations.{one.propagation}")
            added.by_overrides[chosen] = made[cluster]
        return added.by_overrides[chosen]
