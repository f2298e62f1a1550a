"""DNS names for callers from outside name clusters, gateways and namespaces that are there, and each is declared once.

Which gateways a name leads to is seen once clusters are chosen (federation/dns_faults.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.dns_endpoint import DnsEndpoint
from meshfleet.topology.draft import Draft
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.rules.propagations import unknown_names


def dns_endpoints(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name that is not there, and for each second declaration of a DNS name."""
    gateways = list(dict.fromkeys(name for cluster in draft.clusters.values() for name in cluster.ingress_gateways))
    complete = len(draft.clusters) == len(draft.names["clusters"])
    first: dict[str, str] = {}
    for name, declared in draft.dns_endpoints.items():
        path = f"dnsEndpoints.{name}"
        yield from unknown_names(draft, path, selectors(declared))
        if declared.ingress_gateway not in gateways and complete:
            known = ", ".join(gateways) or "none"
            yield Fault(
                f"{path}.ingressGateway",
                f"no cluster has an ingress gateway {shown(declared.ingress_gateway)}; known are {known}",
            )
        if declared.namespace is not None and declared.namespace not in draft.names["namespaces"]:
            known = ", ".join(draft.names["namespaces"]) or "none"
            yield Fault(f"{path}.namespace", f"no namespace is named {shown(declared.namespace)}; known are {known}")
        if (before := first.setdefault(declared.dns_name, path)) != path:
            yield Fault(f"{path}.dnsName", f"{shown(declared.dns_name)} is also that of {before}; declare it once")


def selectors(declared: DnsEndpoint) -> list[tuple[str, ClusterAffinity]]:
    """The selectors of clusters of a DNS name that are given, each with its path in it."""
    given = (("targetClusters", declared.target_clusters), ("publishingClusters", declared.publishing_clusters))
    weights = [
        (f"weights[{position}].targetClusters", one.target_clusters) for position, one in enumerate(declared.weights)
    ]
    return [(key, affinity) for key, affinity in given if affinity is not None] + weights
