"""Gateways of a cluster: the one between networks, and those through which callers from outside come in.

Sources: https://istio.io/latest/docs/setup/additional-setup/gateway/ and
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, TypeVar

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import DnsName, GatewayAddress, Host, IpAddress
from meshfleet.topology.json_schema import text
from meshfleet.topology.labels import AnnotationKey, AnnotationValue, checked_annotations
from meshfleet.topology.model import Model
from meshfleet.topology.network import Port

# The gateway's own: istiod's certificates and webhooks for other clusters, and its readiness.
# https://github.com/istio/istio/blob/master/manifests/charts/gateway/templates/service.yaml
GATEWAY_PORTS = (15012, 15017, 15021)
ISTIOD_PORT, WEBHOOK_PORT = 15012, 15017
# https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
FIRST_NODE_PORT, LAST_NODE_PORT = 30000, 32767

SECRET_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
SECRET_NAME_LENGTH = 253


def _checked_secret_name(value: str) -> str:
    # The certificate or its key may be here by mistake; it is not repeated then.
    if len(value) > SECRET_NAME_LENGTH:
        raise ValueError(f"has {len(value)} characters; name a Secret, which holds the certificate and its key")
    if not SECRET_NAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is not the name of a Secret: use lower-case letters, digits, '-' and '.'")
    return value


Annotations = Annotated[dict[AnnotationKey, AnnotationValue], AfterValidator(checked_annotations)]
SecretName = Annotated[str, AfterValidator(_checked_secret_name), text(SECRET_NAME, SECRET_NAME_LENGTH)]


NodePort = Annotated[int, Field(ge=FIRST_NODE_PORT, le=LAST_NODE_PORT)]


class LoadBalanced(Model):
    """What every gateway says of its Service and of its pods."""

    type: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    """The type of its Service: behind a load balancer, or at a port of every node."""
    load_balancer_ip: IpAddress | None = None
    """The load balancer IP to request; assigned by the load balancer, or by the fleet, when left out."""
    hostname: DnsName | None = None
    """Simulated clusters only: a hostname in place of an IP address, as some cloud load balancers assign."""
    service_annotations: Annotations = Field(default_factory=dict)
    """Annotations of the gateway's Service, for example for a cloud load balancer."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """The minimum number of pods."""

    @model_validator(mode="after")
    def _one_address(self) -> LoadBalanced:
        if self.load_balancer_ip and self.hostname:
            raise ValueError("has a loadBalancerIp and a hostname; a load balancer gives one of them")
        return self


class NodePorts(Model):
    """Node ports of an east-west gateway; the cluster assigns those that are left out."""

    tls: NodePort | None = None
    """For mutual TLS from other networks."""
    istiod: NodePort | None = None
    """For discovery and certificates of remote clusters and virtual machines (15012)."""
    webhook: NodePort | None = None
    """For the webhooks of remote clusters (15017)."""


class AdvertisedAddress(Model):
    """Where others reach a gateway, if not at the address of its Service: behind NAT, a port map or a proxy for TCP.

    Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#Network-IstioNetworkGateway
    """

    address: GatewayAddress
    """An IP address, or a DNS name that istiods resolve."""
    port: Port = 15443
    """The port that leads to the gateway's own for mutual TLS."""
    istiod_port: Port = ISTIOD_PORT
    """The port that leads to istiod's for discovery and certificates, 15012 of the gateway."""
    webhook_port: Port = WEBHOOK_PORT
    """The port that leads to istiod's webhooks, 15017 of the gateway."""
    to: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters that use it; all that no other entry names when left out."""


class For(Protocol):
    """What names the clusters that it is for; none for all that nothing else names."""

    @property
    def to(self) -> tuple[str, ...]:
        """Their names."""
        ...


Entry = TypeVar("Entry", bound=For)


def advertised_to(entries: Sequence[Entry], viewer: str) -> Entry | None:
    """The entry that a cluster uses: the one that names it, else the one that names none. Pure."""
    return next((one for one in entries if viewer in one.to), next((one for one in entries if not one.to), None))


class EastWestGateway(LoadBalanced):
    """The gateway through which other networks of the mesh reach this cluster's services.

    Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
    """

    port: Port = 15443
    """The port of the gateway's Service for mutual TLS from other networks."""
    node_ports: NodePorts = Field(default_factory=NodePorts)
    """With `type: NodePort` the node ports of its Service."""
    advertised: Annotated[tuple[AdvertisedAddress, ...], Field(strict=False)] = ()
    """The addresses that other clusters use in place of the Service's own."""

    @model_validator(mode="after")
    def _port_is_free(self) -> EastWestGateway:
        if self.port in GATEWAY_PORTS:
            taken = ", ".join(map(str, GATEWAY_PORTS))
            raise ValueError(f"the port {self.port} is the gateway's own ({taken} are); use 15443 or another")
        return self


class Listener(Model):
    """A port that accepts requests or connections for some hosts.

    `HTTP` is plain text. `HTTPS` terminates TLS with the certificate of a Secret. `TLS` does so too where a Secret is
    named, and otherwise passes TLS through to the host of its SNI.
    """

    port: Port
    """The port of the gateway's Service."""
    protocol: Literal["HTTP", "HTTPS", "TLS"] = "HTTP"
    """The protocol of the port."""
    hosts: Annotated[tuple[Host, ...], Field(strict=False)] = ("*",)
    """The hosts that it accepts; routes decide where requests go."""
    credential_name: SecretName | None = None
    """The Secret with certificate and key, in the cluster and namespace of the gateway; yours to create."""
    node_port: NodePort | None = None
    """The node port that leads to it, where the gateway is of `type: NodePort`; assigned when left out."""


class IngressGateway(LoadBalanced):
    """A gateway for traffic from outside of the mesh. Its routes are yours to create.

    With `api: istio` it is a release of Istio's chart and a Gateway of networking.istio.io, for VirtualServices. With
    `api: gateway` it is a Gateway of gateway.networking.k8s.io of the class `istio`, for routes of the Gateway API:
    istiod makes its pods and its Service. In a remote cluster it is `istio`, and the Gateway, `<cluster>-<gateway>`, is
    in the primary.
    """

    api: Literal["istio", "gateway"]
    """The API of its Gateway: Istio's or the Gateway API."""
    namespace: str = ""
    """Its namespace, by its name in `namespaces`; the namespace of the control plane when left out."""
    listeners: Annotated[tuple[Listener, ...], Field(strict=False)]
    """The ports, protocols and hosts that it serves."""

    @property
    def node_ports(self) -> dict[int, int]:
        """The node ports that are asked for, by the port of the Service; listeners at one port agree."""
        return {one.port: one.node_port for one in self.listeners if one.node_port is not None}
