"""The east-west gateway of a cluster and its address, and the Istio objects that say what gateways let in.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.gateway_address import found_address, given_address
from meshfleet.components.helm_release import helm_release
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import ambient
from meshfleet.manifests import gateways as manifests
from meshfleet.manifests.objects import EAST_WEST_GATEWAY
from meshfleet.topology import EastWestGateway as Declared
from meshfleet.topology import Fleet


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
        before = [*control_plane.ready, *access.nodes]
        opts = self.child(provider=access.provider, after=before, deleted_with=access.goes_with)
        name = f"{cluster}/east-west-gateway"
        declared = fleet.clusters[cluster].east_west_gateway or Declared()
        made: pulumi.Resource
        if fleet.clusters[cluster].data_plane == "ambient":
            options = KubernetesObject(f"{name}-options", fleet, ambient.options_of_gateway(fleet, cluster), opts)
            after = pulumi.ResourceOptions(depends_on=[options])
            made = KubernetesObject(
                name, fleet, ambient.east_west_gateway(fleet, cluster), pulumi.ResourceOptions.merge(opts, after)
            )
            self.port = ambient.HBONE_PORT
        else:
            made = helm_release(name, fleet, access, manifests.east_west_gateway(fleet, cluster), opts)
            self.port = manifests.reached_at(fleet, cluster)
        service = (fleet.system_namespace(cluster), EAST_WEST_GATEWAY)
        self.address: pulumi.Output[str] = (
            given_address(self, f"{name}-address", fleet, access, service, made, declared)
            if fleet.clusters[cluster].capabilities.gateway_addresses == "fleet"
            else found_address(self, f"{name}-service", access, service, made)
        )
        self.done({"address": self.address})


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
                fleet,
                manifest,
                self.child(provider=access.provider, after=control_plane.ready, deleted_with=access.goes_with),
            )
            for name, manifest in (networks | istiods).items()
        }
        self.to_istiods = [made[name] for name in istiods]
        self.done()
