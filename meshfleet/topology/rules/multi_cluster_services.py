"""Federated Services name a namespace and clusters that are there, and each Service is federated once.

Where they run, and who may call them, is seen once clusters are chosen (federation/service_faults.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.multi_cluster_service import MultiClusterService
from meshfleet.topology.names import LABEL_LENGTH, SERVICE_NAME, label_fault
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.rules.propagations import unknown_names


def multi_cluster_services(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name that is not there or no DNS label, and for each second declaration of a Service."""
    first: dict[tuple[str, str], str] = {}
    for name, declared in draft.multi_cluster_services.items():
        path = f"multiClusterServices.{name}"
        yield from unknown_names(draft, path, selectors(declared))
        if declared.namespace not in draft.names["namespaces"]:
            known = ", ".join(draft.names["namespaces"]) or "none"
            yield Fault(f"{path}.namespace", f"no namespace is named {shown(declared.namespace)}; known are {known}")
        if declared.service is not None and (
            fault := label_fault(declared.service, LABEL_LENGTH, "since it names a Service", SERVICE_NAME)
        ):
            yield Fault(f"{path}.service", fault)
        for position, port in enumerate(declared.ports):
            if fault := label_fault(port.name, LABEL_LENGTH, "since it names a port", SERVICE_NAME):
                yield Fault(f"{path}.ports[{position}].name", fault)
        key = declared.namespace, declared.service or name
        if (before := first.setdefault(key, path)) != path:
            yield Fault(path, f"the Service {key[1]} of the namespace {key[0]} is also {before}; declare it once")


def selectors(declared: MultiClusterService) -> list[tuple[str, ClusterAffinity]]:
    """The selectors of clusters of a federated Service that are given, each with its path in it."""
    given = (("providerClusters", declared.provider_clusters), ("consumerClusters", declared.consumer_clusters))
    return [(key, affinity) for key, affinity in given if affinity is not None]
