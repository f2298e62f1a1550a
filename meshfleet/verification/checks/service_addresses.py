"""No TCP Service of a mesh has the address of a different Service in another cluster.

A proxy has a listener at the address of each TCP Service that it knows: the address in its own cluster, or if the
Service exists only in other clusters, the address there. If two Services have the same address, requests to one reach
the other. The stack file does not have the Service range of an existing cluster: it is read from the API server.

Sources: buildSidecarOutboundListeners of pilot/pkg/networking/core/listener.go of istio/istio and
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/service-cidr-v1/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import combinations
from typing import Any, Final

from lightkube import ApiError, Client
from lightkube.generic_resource import create_global_resource
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Service

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import some_of
from meshfleet.verification.view import ClusterView, FleetView

# Created once: two threads cannot create it at the same time.
_SERVICE_CIDR: Final = create_global_resource("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs")
_HTTP: Final = ("http", "http2", "grpc", "grpc-web")
_RANGE: Final = re.compile(r"range of valid IPs is ([0-9a-fA-F.:]+/[0-9]+)")
_OUTSIDE: Final = "192.0.2.1"
"""An address that no cluster assigns to a Service (RFC 5737)."""


@dataclass(frozen=True)
class Listening:
    """One port of a Service: its host name, and whether requests are routed by address (TCP) or by name (HTTP)."""

    host: str
    by_address: bool


@dataclass(frozen=True)
class Addresses:
    """The Services of a cluster: their ranges, and the Service at each address and port.

    `discovered` are the clusters whose Services its proxies know; None for all.
    """

    cluster: str
    ranges: tuple[str, ...] = ()
    ports: Mapping[tuple[str, int], Listening] = field(default_factory=dict)
    discovered: frozenset[str] | None = None

    @property
    def hosts(self) -> set[str]:
        """The host names of its Services."""
        return {one.host for one in self.ports.values()}

    def knows(self, other: Addresses) -> bool:
        """Whether its proxies know the Services of another cluster."""
        return self.discovered is None or other.cluster in self.discovered


class ServiceAddresses(Check):
    """Reads the Services of all clusters of a mesh, and the range that their API servers assign addresses from."""

    name = "service-addresses"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        meshes = {mesh.name: fleet.mesh_members(mesh.name) for mesh in fleet.meshes}
        return tuple(members[0] for members in meshes.values() if len(members) > 1)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        found = []
        for member in fleet.mesh_members(cluster.mesh):
            with reach(member, timeout) as client:
                ports = ports_of(client.list(Service, namespace="*"))
                discovered = frozenset(one.name for one in fleet.discovered_from(member))
                found.append(Addresses(member.name, ranges_of(client), ports, discovered))
        return judge(found)


def judge(clusters: Sequence[Addresses]) -> Finding:
    """Whether each address belongs to one Service for the proxies of every cluster. Pure."""
    ranges = ", ".join(f"{one.cluster} {' and '.join(one.ranges) or 'an unknown range'}" for one in clusters)
    if wrong := sorted(set(collisions(clusters))):
        return Finding(
            False,
            f"{len(wrong)} addresses belong to two Services: {some_of(wrong)}; assign the clusters disjoint "
            f"serviceCidr ranges, or create a Service of the same name in both. Ranges: {ranges}",
        )
    shared = sorted(overlapping(clusters))
    warning = f"; {', '.join(shared)} overlap, but no TCP Services share an address yet" if shared else ""
    return Finding(True, f"every Service address is unique: {ranges}{warning}")


def collisions(clusters: Sequence[Addresses]) -> Iterator[str]:
    """Each Service address that a different Service, unknown to this cluster, has in another cluster. Pure."""
    for here in clusters:
        own = here.hosts
        for there in clusters:
            if there is here or not here.knows(there):
                continue
            for (address, port), other in there.ports.items():
                mine = here.ports.get((address, port))
                if mine is None or other.host in own or not (mine.by_address or other.by_address):
                    continue
                yield (f"{address}:{port} is {mine.host} in {here.cluster} and {other.host} in {there.cluster}")


def overlapping(clusters: Sequence[Addresses]) -> Iterator[str]:
    """The pairs of clusters whose ranges overlap and whose Services are known to the same proxies. Pure."""
    for one, other in combinations(clusters, 2):
        if not any(each.knows(one) and each.knows(other) for each in clusters):
            continue
        pairs = ((ip_network(a), ip_network(b)) for a in one.ranges for b in other.ranges)
        if any(a.version == b.version and a.overlaps(b) for a, b in pairs):
            yield f"those of {one.cluster} and {other.cluster}"


def ports_of(services: Iterable[Service]) -> dict[tuple[str, int], Listening]:
    """The Service at each address and port; headless Services have none. Pure."""
    found: dict[tuple[str, int], Listening] = {}
    for service in services:
        metadata, spec = service.metadata, service.spec
        if metadata is None or spec is None:
            continue
        host = f"{metadata.name}.{metadata.namespace}"
        addresses = [one for one in spec.clusterIPs or [spec.clusterIP or ""] if one not in ("", "None")]
        for port in spec.ports or ():
            if (port.protocol or "TCP") == "TCP":
                found |= {(address, port.port): Listening(host, not _is_http(port)) for address in addresses}
    return found


def ranges_of(client: Client) -> tuple[str, ...]:
    """The ranges from which an API server assigns Service addresses; empty if unknown."""
    try:
        listed = [str(one) for item in client.list(_SERVICE_CIDR) for one in (_spec(item).get("cidrs") or ())]
    except ApiError as error:
        if error.status.code not in (403, 404):
            raise
        listed = []
    return tuple(sorted(set(listed))) or _refused_range(client)


def _refused_range(client: Client) -> tuple[str, ...]:
    """The range in the error of an API server without ServiceCIDR that rejects an outside address; a dry run."""
    probe = Service(
        metadata=ObjectMeta(name="meshfleet-probe", namespace="default"),
        spec=ServiceSpec(clusterIP=_OUTSIDE, ports=[ServicePort(port=80)]),
    )
    try:
        client.create(probe)
    except ApiError as error:
        found = _RANGE.search(error.status.message or "")
        return (found.group(1),) if found else ()
    return ()


def _spec(item: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = item.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _is_http(port: ServicePort) -> bool:
    """Whether Istio treats a port as HTTP: by its appProtocol, or by the prefix of its name.

    Source: https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """
    protocol = (port.appProtocol or port.name or "").lower()
    return any(protocol == one or protocol.startswith(f"{one}-") for one in _HTTP)
