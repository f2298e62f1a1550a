"""Affinity between workloads: which clusters one may go to, by where others of its group are.

Workloads of one namespace with one value of a label are a group, among those whose placements group by that label. The
first of a group, in the order in which workloads are placed, goes where it would go alone; each one after it is bound
by all before it.

Sources: WorkloadAffinity of https://github.com/karmada-io/karmada/blob/master/pkg/apis/policy/v1alpha1/propagation_types.go
and the plugins `workloadaffinity` and `workloadantiaffinity` of its scheduler
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from meshfleet.federation.overrides.pod_templates import pod_path
from meshfleet.topology.fleet import Evictions, Fleet
from meshfleet.topology.propagation.kinds import ObjectKey, key_of, mapping
from meshfleet.topology.propagation.placement import Placement, WorkloadAffinityTerm


class _Group(NamedTuple):
    namespace: str
    label: str
    value: str

    def __str__(self) -> str:
        return f"the group {self.label}={self.value}"


@dataclass(frozen=True)
class Peers:
    """Where the workloads of groups are, as far as they are placed.

    `_without` has the clusters that a workload of an affinity group is not in, with that workload; `_with` those that
    one of an anti-affinity group is in. So a workload costs one look for each cluster, however large its group is.
    """

    _without: dict[_Group, dict[str, ObjectKey]] = field(default_factory=dict)
    _with: dict[_Group, dict[str, ObjectKey]] = field(default_factory=dict)

    def barred(self, placement: Placement, body: Mapping[str, Any]) -> dict[str, str]:
        """The clusters that a workload may not go to, with the reason."""
        found: dict[str, str] = {}
        together, apart = _groups(placement, body)
        if together is not None:
            for cluster, other in self._without.get(together, {}).items():
                found[cluster] = f"{other.short} of {together} is not there"
        if apart is not None:
            own = key_of(body)
            for cluster, other in self._with.get(apart, {}).items():
                if other != own:
                    found[cluster] = f"another workload of {apart} is there: {other.short}"
        return found

    def add(
        self, placement: Placement, body: Mapping[str, Any], chosen: Iterable[str], clusters: Iterable[str]
    ) -> None:
        """Remember that a workload goes to the chosen ones of these clusters."""
        together, apart = _groups(placement, body)
        there = frozenset(chosen)
        if together is not None:
            without = self._without.setdefault(together, {})
            for cluster in clusters:
                if cluster not in there:
                    without.setdefault(cluster, key_of(body))
        if apart is not None:
            taken = self._with.setdefault(apart, {})
            for cluster in there:
                taken.setdefault(cluster, key_of(body))

    def standing(self, evictions: Evictions) -> Peers:
        """What a placement with evictions begins with, where these are the peers of the one without.

        A share that moves keeps away from where others belong: it could take a cluster from another workload, which
        would have to move although its own cluster is not lost.
        """
        return Peers(_with={group: dict(taken) for group, taken in self._with.items()}) if evictions else Peers()


def is_grouped(placement: Placement, body: Mapping[str, Any]) -> bool:
    """Whether an object is a workload of a group."""
    return placement.workload_affinity is not None and any(_groups(placement, body))


def separates(fleet: Fleet) -> bool:
    """Whether a placement keeps workloads apart."""
    declared = (propagation.placement.workload_affinity for propagation in fleet.propagations.values())
    return any(affinity is not None and affinity.anti_affinity is not None for affinity in declared)


def ungrouped(fleet: Fleet) -> Iterator[str]:
    """Yield a note for each label that placements group by and no workload of the propagation has."""
    for name, propagation in fleet.propagations.items():
        affinity = propagation.placement.workload_affinity
        for key, term in (
            (("affinity", affinity.affinity), ("antiAffinity", affinity.anti_affinity)) if affinity else ()
        ):
            if term is not None and not any(_group(term, resource.body) for resource in propagation.resources):
                yield (
                    f"propagations.{name}.placement.workloadAffinity.{key} has no effect: no workload of the "
                    f"propagation has the label {term.group_by_label_key}"
                )


def _groups(placement: Placement, body: Mapping[str, Any]) -> tuple[_Group | None, _Group | None]:
    affinity = placement.workload_affinity
    return (None, None) if affinity is None else (_group(affinity.affinity, body), _group(affinity.anti_affinity, body))


def _group(term: WorkloadAffinityTerm | None, body: Mapping[str, Any]) -> _Group | None:
    """The group of an object; None for one without the label, or that makes no pods."""
    if term is None or pod_path(body) is None:
        return None
    described = body["metadata"]
    value = mapping(described.get("labels")).get(term.group_by_label_key)
    return None if value is None else _Group(str(described.get("namespace") or ""), term.group_by_label_key, str(value))
