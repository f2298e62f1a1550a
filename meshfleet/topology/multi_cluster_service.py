"""A Service that is federated: known by one name in several clusters, and answered from some of them.

Sources: https://multicluster.sigs.k8s.io/concepts/multicluster-services-api/ and, for the words that choose clusters,
https://karmada.io/docs/userguide/service/multi-cluster-service-with-native-svc-access/
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.names import ServiceName
from meshfleet.topology.network import Port
from meshfleet.topology.propagation.affinity import ClusterAffinity

CLUSTER_SET: Final = "svc.clusterset.local"
"""The end of the names that are the same in every cluster of a mesh."""

# No packet is ever sent to one: proxies take what is for it. Istio gives ServiceEntries those of 240.240.0.0/16
# (pilot/pkg/serviceregistry/serviceentry/auto_allocation.go of istio/istio).
ADDRESSES: Final = IPv4Network("240.241.0.0/16")


def address_of(namespace: str, service: str) -> str:
    """The address in ADDRESSES of a Service for which none is given; it follows from its name alone."""
    digest = hashlib.sha256(f"{namespace}/{service}".encode()).digest()
    # Neither the first nor the last.
    return str(ADDRESSES[1 + int.from_bytes(digest[:8]) % (ADDRESSES.num_addresses - 2)])


def _checked_address(value: str) -> str:
    try:
        inside = IPv4Address(value) in ADDRESSES
    except ValueError:
        inside = False
    if not inside:
        raise ValueError(
            f"{shown(value)} is not an IPv4 address of {ADDRESSES}, which no network has; choose one there"
        )
    return value


ServiceAddress = Annotated[str, AfterValidator(_checked_address), text(r"240\.241\.[0-9]{1,3}\.[0-9]{1,3}")]


class ServicePort(Model):
    """A port of a Service. Istio reads the protocol from the name, as in `http` or `grpc-api`.

    Source: https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """

    name: ServiceName
    """The name of the port."""
    port: Port
    """Its number."""
    target_port: Port | ServiceName | None = None
    """The port of the pods, by number or name, the same in all clusters; `port` when left out."""


class MultiClusterService(Model):
    """A Service that other clusters of its mesh call as `<service>.<namespace>.svc.clusterset.local`.

    Clusters that provide it get a ServiceExport, all of them and the consumers a ServiceImport. Consumers without the
    Service get one without endpoints of their own, so that it has its usual name there too.
    Source: https://multicluster.sigs.k8s.io/concepts/multicluster-services-api/
    """

    namespace: str
    """Its namespace, by its name in `namespaces`."""
    service: ServiceName | None = None
    """The name of the Service; the name of this entry when left out."""
    type: Literal["ClusterSetIP", "Headless"] = "ClusterSetIP"
    """`ClusterSetIP`: one address for all pods; `Headless`: those of the pods on the caller's network."""
    ip: ServiceAddress | None = None
    """Its address in all clusters, of 240.241.0.0/16; derived from its name when left out."""
    ports: Annotated[tuple[ServicePort, ...], Field(strict=False)] = ()
    """Its ports; those of the workload or of the propagated Service when left out."""
    provider_clusters: ClusterAffinity | None = None
    """The clusters whose pods answer; those in which the stack runs it when left out."""
    consumer_clusters: ClusterAffinity | None = None
    """The clusters that call it; all of the mesh that have the namespace when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> MultiClusterService:
        if self.type == "Headless" and self.ip:
            raise ValueError("a Headless one has the addresses of its pods; leave ip out, or use ClusterSetIP")
        names: list[str | int] = [port.name for port in self.ports]
        numbers: list[str | int] = [port.port for port in self.ports]
        for what, found in (("name", names), ("number", numbers)):
            twice = sorted({str(one) for one in found if found.count(one) > 1})
            if twice:
                raise ValueError(f"two ports have the {what} {twice[0]}; give each its own")
        return self
