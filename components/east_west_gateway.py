"""The east-west gateway of a cluster and its address, and the Istio objects that say what gateways let in.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.control_plane import ControlPlaneResources
from components.helm_release import helm_release
from components.kubernetes_object import ExistingKubernetesObject, KubernetesObject
from manifests import ambient
from manifests import gateways as manifests
from plugins.meshfleet.sdk import EastWestGatewayAddress
from topology import Fleet


def load_balancer_address(status: dict[str, Any]) -> str:
    """The IP or host name in the status of a LoadBalancer Service; empty while it is pending."""
    ingress = ((status or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return str(ingress[0].get("ip") or ingress[0].get("hostname") or "")


class EastWestGateway(Component):
    """Comes after istiod answers: its pods are made by istiod's injection webhook, or in ambient mode by istiod."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        opts = self.child(provider=access.provider, after=[control_plane.ready], deleted_with=access.goes_with)
        name = f"{cluster}/east-west-gateway"
        made: pulumi.Resource
        if fleet.clusters[cluster].data_plane == "ambient":
            options = KubernetesObject(f"{name}-options", ambient.gateway_options(), opts)
            after = pulumi.ResourceOptions(depends_on=[options])
            made = KubernetesObject(
                name, ambient.east_west_gateway(fleet, cluster), pulumi.ResourceOptions.merge(opts, after)
            )
            self.port = ambient.HBONE_PORT
        else:
            made = helm_release(name, fleet, cluster, manifests.east_west_gateway(fleet, cluster), opts)
            self.port = manifests.reached_at(fleet, cluster)
        self.address: pulumi.Output[str] = (
            self._given_address(fleet, access, made)
            if fleet.clusters[cluster].simulated
            else self._found_address(fleet, access, made)
        )
        self.done({"address": self.address})

    def _given_address(self, fleet: Fleet, access: ClusterAccess, made: pulumi.Resource) -> pulumi.Output[str]:
        # Nothing on this machine hands out load balancer addresses, so the plugin does.
        given = EastWestGatewayAddress(
            f"{access.name}/east-west-gateway-address",
            fleet=fleet.name,
            cluster=access.name,
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            namespace=fleet.system_namespace(access.name),
            service=manifests.EAST_WEST_GATEWAY,
            opts=self.child(after=[made], deleted_with=access.goes_with),
        )
        return given.address

    def _found_address(self, fleet: Fleet, access: ClusterAccess, made: pulumi.Resource) -> pulumi.Output[str]:
        service = ExistingKubernetesObject(
            f"{access.name}/east-west-gateway-service",
            "v1",
            "Service",
            f"{fleet.system_namespace(access.name)}/{manifests.EAST_WEST_GATEWAY}",
            self.child(provider=access.provider, after=[made]),
        )
        return service.status.apply(load_balancer_address)


class GatewayRules(Component):
    """What the gateways let in: services into their networks, other clusters' proxies to the istiods behind them.

    Registered where Istio's configuration of those gateways lives, once its webhooks answer. `to_istiods` are those
    without which no other cluster reaches an istiod in this one.
    """

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        networks, istiods = {}, {}
        if manifests.opens_networks(fleet, cluster):
            networks["cross-network-gateway"] = manifests.cross_network_gateway(fleet.system_namespace(cluster))
        if fleet.exposes_control_plane(cluster):
            istiods["istiod-gateway"] = manifests.istiod_gateway(fleet, cluster)
            istiods["istiod-routes"] = manifests.istiod_routes(fleet, cluster)
        made = {
            name: KubernetesObject(
                f"{cluster}/{name}",
                manifest,
                self.child(provider=access.provider, after=[control_plane.ready], deleted_with=access.goes_with),
            )
            for name, manifest in (networks | istiods).items()
        }
        self.to_istiods = [made[name] for name in istiods]
        self.done()
