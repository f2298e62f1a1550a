"""What leads to an istiod in another cluster, where that is not reached at its own ports.

The istiod chart leads to the ports 15012 and 15017 of `global.remotePilotAddress` and to no others. At node ports, or
behind a port map, the Service and its EndpointSlice are the fleet's, and the chart is given no address.

Sources: remote-istiod-service.yaml and remote-istiod-endpointslices.yaml of
manifests/charts/istio-control/istio-discovery of istio/istio, and
https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import NOT_AWAITED, Object, metadata
from meshfleet.manifests.section import Known
from meshfleet.topology import EastWestGateway, Fleet
from meshfleet.topology.gateways import ISTIOD_PORT, WEBHOOK_PORT

STANDARD = (ISTIOD_PORT, WEBHOOK_PORT)


@dataclass(frozen=True)
class Place:
    """Where a cluster reaches the istiod that serves it: address, its type, ports for discovery and for webhooks."""

    address: object
    address_type: object
    istiod_port: object
    webhook_port: object

    @property
    def standard(self) -> bool:
        """Whether the chart leads there."""
        return (self.istiod_port, self.webhook_port) == STANDARD


def place(fleet: Fleet, cluster: str, known: Known) -> Place | None:
    """Where the gateway in front of the istiod of a cluster is; None where that runs in the cluster itself."""
    hosting = fleet.hosting(cluster)
    if hosting == cluster:
        return None
    if entry := fleet.advertised_to(hosting, cluster):
        return Place(entry.address, _type(entry.address), entry.istiod_port, entry.webhook_port)
    address = known.gateway_address(hosting)
    if (fleet.clusters[hosting].east_west_gateway or EastWestGateway()).type != "NodePort":
        return Place(address, "", *STANDARD)
    return Place(
        address,
        known.gateway_address_type(hosting),
        known.gateway_port(hosting, ISTIOD_PORT),
        known.gateway_port(hosting, WEBHOOK_PORT),
    )


def documents(fleet: Fleet, cluster: str, revision: str, known: Known) -> dict[str, Object]:
    """The Service of a revision and its EndpointSlice, by the names of their documents; none where the chart has it."""
    found = place(fleet, cluster, known)
    if found is None or found.standard:
        return {}
    service, endpoints = names(revision)
    return {service: _service(fleet, cluster, revision), endpoints: _endpoints(fleet, cluster, revision, found)}


def names(revision: str) -> tuple[str, str]:
    """The documents of the Service and of the EndpointSlice of a revision."""
    name = istiod_service(revision)
    return f"remote-{name}-service", f"remote-{name}-endpoints"


def _service(fleet: Fleet, cluster: str, revision: str) -> Object:
    labels = {"istio.io/rev": revision, "app.kubernetes.io/name": "istiod"}
    name, namespace = istiod_service(revision), fleet.system_namespace(cluster)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, labels, NOT_AWAITED),
        "spec": {
            "ports": [
                {"name": "tcp-istiod", "port": ISTIOD_PORT, "protocol": "TCP"},
                {"name": "tcp-webhook", "port": 443, "targetPort": WEBHOOK_PORT, "protocol": "TCP"},
            ]
        },
    }


def _endpoints(fleet: Fleet, cluster: str, revision: str, found: Place) -> Object:
    name = istiod_service(revision)
    labels = {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "meshfleet",
        "app.kubernetes.io/name": "istiod",
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata(name, fleet.system_namespace(cluster), labels),
        "addressType": found.address_type,
        "endpoints": [{"addresses": [found.address]}],
        # By their names they are those of the Service.
        "ports": [
            {"name": "tcp-istiod", "port": found.istiod_port, "protocol": "TCP"},
            {"name": "tcp-webhook", "port": found.webhook_port, "protocol": "TCP"},
        ],
    }


def _type(address: str) -> str:
    try:
        return f"IPv{ip_address(address).version}"
    except ValueError:
        # A name, to which the chart leads.
        return ""
