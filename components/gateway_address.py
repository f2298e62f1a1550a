"""The address under which a gateway is reached: its load balancer's, a node's, or one that the plugin gives.

Source: https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from __future__ import annotations

from typing import Any

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import ExistingKubernetesObject
from meshfleet.plugins.meshfleet.sdk import GatewayAddress
from meshfleet.topology import Fleet, LoadBalanced


def load_balancer_address(status: dict[str, Any]) -> str:
    """The IP or host name in the status of a LoadBalancer Service; empty while it is pending."""
    ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return str(ingress[0].get("ip") or ingress[0].get("hostname") or "")


def given_address(
    component: Component,
    name: str,
    fleet: Fleet,
    access: ClusterAccess,
    service: tuple[str, str],
    made: pulumi.Resource,
    declared: LoadBalanced,
    port: int | None = None,
) -> pulumi.Output[str]:
    """On a simulated cluster: nothing on this machine hands out load balancer addresses, so the plugin does.

    `service` is the namespace and the name of a Service that comes with `made`; `port` is one that it has.
    """
    given = GatewayAddress(
        name,
        fleet=fleet.name,
        cluster=access.name,
        kubeconfig=access.kubeconfig,
        context=access.context or None,
        namespace=service[0],
        service=service[1],
        address=declared.load_balancer_ip,
        hostname=declared.hostname,
        port=port,
        opts=component.child(after=[made], deleted_with=access.goes_with),
    )
    return given.address


def found_address(
    component: Component, name: str, access: ClusterAccess, service: tuple[str, str], made: pulumi.Resource
) -> pulumi.Output[str]:
    """On any other cluster: what the status of the Service says once `made` is there."""
    found = ExistingKubernetesObject(
        name, "v1", "Service", "/".join(service), component.child(provider=access.provider, after=[made])
    )
    return found.status.apply(load_balancer_address)


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
