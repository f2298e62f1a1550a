"""The east-west gateway of a cluster, its address, and the Gateway object that opens the cluster's services.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.control_plane import ControlPlaneResources
from components.helm_release import HelmRelease, helm_release
from components.kubernetes_object import ExistingKubernetesObject, KubernetesObject
from manifests import gateways as manifests
from manifests.objects import ISTIO_SYSTEM
from plugins.meshfleet.sdk import EastWestGatewayAddress
from topology import EastWestGateway as Declared
from topology import Fleet


def load_balancer_address(status: dict[str, Any]) -> str:
    """The IP or host name in the status of a LoadBalancer Service; empty while it is pending."""
    ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return str(ingress[0].get("ip") or ingress[0].get("hostname") or "")


@dataclass(frozen=True)
class EastWestGatewayResources:
    """The gateway's release and the object that configures it."""

    release: HelmRelease
    cross_network: KubernetesObject


class EastWestGateway(Component):
    """Comes after istiod answers: its pods are made by istiod's injection webhook."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        in_cluster = self.child(provider=access.provider, after=[control_plane.ready], deleted_with=access.goes_with)
        release = helm_release(
            f"{cluster}/east-west-gateway",
            fleet,
            cluster,
            manifests.east_west_gateway(fleet, cluster),
            in_cluster,
        )
        cross_network = KubernetesObject(
            f"{cluster}/cross-network-gateway", manifests.cross_network_gateway(), in_cluster
        )
        self.resources = EastWestGatewayResources(release, cross_network)
        self.port = (fleet.clusters[cluster].east_west_gateway or Declared()).port
        self.address: pulumi.Output[str] = (
            self._given_address(fleet, access, release)
            if fleet.clusters[cluster].simulated
            else self._found_address(access, release)
        )
        self.done({"address": self.address})

    def _given_address(self, fleet: Fleet, access: ClusterAccess, release: HelmRelease) -> pulumi.Output[str]:
        # Nothing on this machine hands out load balancer addresses, so the plugin does.
        given = EastWestGatewayAddress(
            f"{access.name}/east-west-gateway-address",
            fleet=fleet.name,
            cluster=access.name,
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            namespace=ISTIO_SYSTEM,
            service=manifests.EAST_WEST_GATEWAY,
            opts=self.child(after=[release], deleted_with=access.goes_with),
        )
        return given.address

    def _found_address(self, access: ClusterAccess, release: HelmRelease) -> pulumi.Output[str]:
        service = ExistingKubernetesObject(
            f"{access.name}/east-west-gateway-service",
            "v1",
            "Service",
            f"{ISTIO_SYSTEM}/{manifests.EAST_WEST_GATEWAY}",
            self.child(provider=access.provider, after=[release]),
        )
        return service.status.apply(load_balancer_address)
