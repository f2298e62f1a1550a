"""The address under which a gateway is reached: its load balancer's, a node's, or one that the plugin gives.

For a Service of type NodePort it is the external IP of a node, and ports are node ports.

Source: https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import ExistingKubernetesObject
from meshfleet.plugins.meshfleet.sdk import GatewayAddress
from meshfleet.topology import Fleet, LoadBalanced


@dataclass(frozen=True)
class Reached:
    """Where a gateway's Service is reached: its address and, where those are node ports, the port for each of its."""

    address: pulumi.Output[str]
    ports: pulumi.Output[Mapping[str, int]] | None = None

    def port(self, port: int) -> pulumi.Output[int] | int:
        """The port that leads to one of the Service; that itself while node ports are not known."""
        if self.ports is None:
            return port
        reached: pulumi.Output[int] = self.ports.apply(lambda known: int((known or {}).get(str(port), port)))
        return reached


@dataclass(frozen=True)
class GatewayService:
    """A Service of a gateway by namespace and name, which comes with `made`, and what is declared of it.

    `resource` begins the names of its resources, `position` is its address on a node that has several, `port` one that
    it has, `advertised` are addresses that stand for it on this machine.
    """

    resource: tuple[str, str]
    namespace: str
    name: str
    made: pulumi.Resource
    declared: LoadBalanced
    position: int = 0
    port: int | None = None
    advertised: tuple[str, ...] = field(default=())


def reached(component: Component, fleet: Fleet, access: ClusterAccess, service: GatewayService) -> Reached:
    """Where a gateway is reached, by who assigns addresses in its cluster."""
    by = fleet.clusters[access.name].capabilities.gateway_addresses
    node_port = service.declared.type == "NodePort"
    if by == "node":
        address = node_address(access, service.position, service.made)
        if not node_port:
            return Reached(address)
        found = _found(component, access, service)
        return Reached(address, found.spec.apply(node_ports))
    if by == "cluster" and not node_port:
        found = _found(component, access, service)
        return Reached(pulumi.Output.all(found.status, found.spec).apply(lambda known: load_balancer_address(*known)))
    given = _given(component, fleet, access, service, ("given" if by == "fleet" else "found") if node_port else None)
    return Reached(given.address, given.ports if node_port else None)


def node_ports(spec: Mapping[str, Any] | None) -> dict[str, int]:
    """The node ports of a Service by its ports; those that have none lead to themselves, as before they are known."""
    ports = (spec or {}).get("ports") or []
    return {str(int(one["port"])): int(one.get("nodePort") or one["port"]) for one in ports}


def load_balancer_address(status: dict[str, Any], spec: dict[str, Any] | None = None) -> str:
    """The IP or host name in the status of a LoadBalancer Service, else its first external IP; empty while pending.

    istiod reads both (getGatewayDetails of pilot/pkg/serviceregistry/kube/controller/network.go); the second is how a
    cluster without load balancers exposes a Service at the addresses of its nodes.
    """
    ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    external = (spec or {}).get("externalIPs") or [""]
    return str(ingress[0].get("ip") or ingress[0].get("hostname") or external[0] or "")


def _given(
    component: Component, fleet: Fleet, access: ClusterAccess, service: GatewayService, node_port: str | None
) -> GatewayAddress:
    """On a simulated cluster: nothing on this machine hands out load balancer addresses, so the plugin does."""
    return GatewayAddress(
        service.resource[0],
        fleet=fleet.name,
        cluster=access.name,
        kubeconfig=access.kubeconfig,
        context=access.context or None,
        namespace=service.namespace,
        service=service.name,
        address=service.declared.load_balancer_ip,
        hostname=service.declared.hostname,
        port=service.port,
        node_port=node_port,
        advertised=",".join(service.advertised) or None,
        opts=component.child(after=[service.made], deleted_with=access.goes_with),
    )


def _found(component: Component, access: ClusterAccess, service: GatewayService) -> ExistingKubernetesObject:
    """On any other cluster: the Service as it is once `made` is there, which a preview before that does not read."""
    place, made = f"{service.namespace}/{service.name}", service.made
    return ExistingKubernetesObject(
        service.resource[1],
        "v1",
        "Service",
        made.id.apply(lambda _: place) if isinstance(made, pulumi.CustomResource) else place,
        component.child(provider=access.provider, after=[service.made]),
    )


def node_address(access: ClusterAccess, position: int, made: pulumi.Resource) -> pulumi.Output[str]:
    """On a node that has an address for each gateway: the one at `position`, once `made` is there.

    Raises `ValueError` where the cluster has none.
    """
    if access.addresses is None:
        raise ValueError(f"{access.name}: its provider gives gateways no addresses; pass addresses in ClusterAccess")
    assigned: pulumi.Output[str] = pulumi.Output.all(access.addresses, made.urn).apply(
        lambda known: str(known[0][position])
    )
    return assigned
