"""Propagated objects that the fleet makes as well, found by the documents of every cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.faults import propagation_faults
from meshfleet.federation.karmada.refusals import refusals
from meshfleet.federation.propagated import propagations
from meshfleet.manifests import propagations as section
from meshfleet.manifests import registry
from meshfleet.manifests.objects import Release
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.plan import documents_in
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import (
    CERT_MANAGER_GROUPS,
    DEFINITION,
    GATEWAY_API_GROUPS,
    ObjectKey,
    key_of,
)


def faults_of_propagations(fleet: Fleet) -> list[Fault]:
    """Every fault of the propagations of a fleet that the stack file alone does not show."""
    return propagation_faults(fleet) or refusals(fleet) or [*_made_twice(fleet)]


def _made_twice(fleet: Fleet) -> Iterator[Fault]:
    placed, known = propagations(fleet), Placeholders(fleet)
    told: set[str] = set()
    for cluster in fleet.clusters:
        if not (objects := placed.of(cluster)):
            continue
        made: dict[ObjectKey, Document] = {}
        for one in registry.SECTIONS:
            for document in documents_in(one, fleet, cluster, known) if one is not section.SECTION else ():
                if not isinstance(document.body, Release) and not document.server:
                    made[key_of(document.body)] = document
        groups = _defined_groups(fleet, cluster)
        for each in objects:
            if each.path in told:
                continue
            if each.key in made:
                told.add(each.path)
                yield Fault(
                    each.path,
                    f"declares {each.key}, which the fleet makes in {cluster} from "
                    f"{made[each.key].decided_by}; leave it out, or give it another name",
                )
            elif each.key[:2] == DEFINITION and each.key.name.partition(".")[2] in groups:
                told.add(each.path)
                yield Fault(each.path, f"defines a kind that the fleet defines in {cluster} itself; leave it out")


def _defined_groups(fleet: Fleet, cluster: str) -> frozenset[str]:
    """The groups whose definitions the fleet installs, beside those of Istio, which a rule knows."""
    installs = fleet.uses_gateway_api(cluster) and fleet.clusters[cluster].capabilities.gateway_api == "fleet"
    groups = GATEWAY_API_GROUPS if installs else frozenset[str]()
    return groups | (CERT_MANAGER_GROUPS if fleet.cert_manager_of(cluster) is not None else frozenset())
