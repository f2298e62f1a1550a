"""What is wrong with the propagations of a fleet, seen once they are placed. Pure.

What a stack file alone shows is in the rules of the topology (rules/propagations.py, rules/propagated_objects.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed, selecting_nothing
from meshfleet.federation.candidates import candidates
from meshfleet.federation.definitions import Definition, definition_of
from meshfleet.federation.propagated import Propagated, Propagations, propagations
from meshfleet.federation.quota import quota_faults
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.kinds import (
    CERT_MANAGER_GROUPS,
    DEFINITION,
    GATEWAY_API_GROUPS,
    ISTIO_GROUPS,
    KUBERNETES_GROUPS,
    NAMESPACE,
)
from meshfleet.topology.rules.propagated_objects import content_faults
from meshfleet.topology.rules.propagations import affinities

EVERYWHERE = "default"
"""The namespace that every cluster has."""


def propagation_faults(fleet: Fleet) -> list[Fault]:
    """Every fault of the propagations of a fleet, but for those that the stack file alone shows."""
    if not fleet.propagations:
        return []
    placed = propagations(fleet)
    found = [*_selecting_nothing(fleet)]
    # A selector that selects nothing is why nothing is placed.
    paths = tuple(fault.path.partition(".placement.")[0] for fault in found if ".placement." in fault.path)
    found += [fault for fault in placed.faults if not _below(fault.path, paths)]
    reached = [] if found else [*_Reached(fleet, placed).faults(), *quota_faults(fleet, placed)]
    return [*found, *_changed(placed), *reached]


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{place}.resources") for place in places)


def _selecting_nothing(fleet: Fleet) -> Iterator[Fault]:
    clusters = candidates(fleet)
    for name, propagation in fleet.propagations.items():
        yield from selecting_nothing(f"propagations.{name}", affinities(propagation), clusters)


def _changed(placed: Propagations) -> Iterator[Fault]:
    """What overrides must not make of an object."""
    for one in placed.objects:
        seen: set[int] = set()
        for cluster, copy in one.copies.items():
            if id(copy) in seen:
                # Clusters that are alike have the very same one.
                continue
            seen.add(id(copy))
            # Without overrides the rules over the stack file have seen it.
            if copy.steps and (found := list(content_faults("", copy.body))):
                for fault in found:
                    where = f"{fault.path.lstrip('.')} " if fault.path else ""
                    yield Fault(one.path, f"with the overrides for {cluster}: {where}{fault.message}")
                break


class _Reached:
    """What there is in each cluster for the objects that go to it."""

    def __init__(self, fleet: Fleet, placed: Propagations) -> None:
        self._fleet, self._placed = fleet, placed
        self._namespaces: dict[str, set[str]] = {name: {EVERYWHERE} for name in fleet.clusters}
        self._definitions: dict[str, dict[tuple[str, str], Definition]] = {name: {} for name in fleet.clusters}
        for name in fleet.clusters:
            self._namespaces[name].update(fleet.namespaces_of(name))
        for one in placed.objects:
            for cluster, copy in one.copies.items():
                if one.key[:2] == NAMESPACE:
                    self._namespaces[cluster].add(one.key.name)
                elif one.key[:2] == DEFINITION and (found := definition_of(copy.body)):
                    self._definitions[cluster][found.group, found.kind] = found

    def faults(self) -> Iterator[Fault]:
        """Each object that lacks something in a cluster that it goes to."""
        for one in self._placed.objects:
            # What is in a cluster that was there before the fleet is not known here; `up` asks it what it serves.
            clusters = [name for name in one.copies if self._fleet.clusters[name].capabilities.ends_with_stack]
            yield from self._namespace(one, clusters)
            if one.key.group not in KUBERNETES_GROUPS:
                yield from self._definition(one, clusters)

    def _namespace(self, one: Propagated, clusters: list[str]) -> Iterator[Fault]:
        namespace = one.key.namespace
        without = [cluster for cluster in clusters if namespace and namespace not in self._namespaces[cluster]]
        if without:
            yield Fault(
                f"{one.path}.metadata.namespace",
                f"the namespace {namespace} does not exist in {listed(without)}, where {one.key.kind} {one.key.name} "
                f"goes; declare it in namespaces, or propagate it to there",
            )

    def _definition(self, one: Propagated, clusters: list[str]) -> Iterator[Fault]:
        group, kind = one.key[:2]
        without, told = [], False
        for cluster in one.copies:
            found = self._definitions[cluster].get((group, kind))
            if found is None:
                if cluster in clusters and not installed_by_the_fleet(self._fleet, cluster, group):
                    without.append(cluster)
            elif not told and (fault := found.fault(one.copies[cluster].body)):
                told = True
                yield Fault(one.path, fault)
        if without:
            yield Fault(
                f"{one.path}.kind",
                f"{listed(without)} would not serve {kind} of {group}; propagate its CustomResourceDefinition to there",
            )


def installed_by_the_fleet(fleet: Fleet, cluster: str, group: str) -> bool:
    """Whether a cluster has the definitions of a group by what the fleet installs, or by what it is made of."""
    if group in ISTIO_GROUPS:
        return True
    if group in GATEWAY_API_GROUPS:
        return fleet.uses_gateway_api(cluster) or fleet.clusters[cluster].capabilities.gateway_api == "cluster"
    return group in CERT_MANAGER_GROUPS and fleet.cert_manager_of(cluster) is not None
