"""The east-west gateway of a cluster and its address.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.gateway_address import GatewayService, Reached, reached
from meshfleet.components.registration import Registration
from meshfleet.manifests import gateways as manifests
from meshfleet.manifests import names
from meshfleet.manifests.load_balancing import position_of
from meshfleet.topology import EastWestGateway as Declared
from meshfleet.topology import Fleet as Topology
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.system_names import EAST_WEST_GATEWAY


class EastWestGateway(Component):
    """Comes after istiod responds: its pods are made by istiod's injection webhook, or in ambient mode by istiod."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        declared = fleet.clusters[cluster].east_west_gateway or Declared()
        made = registration.register(self, cluster, manifests.EAST_WEST)[names.EAST_WEST_GATEWAY]
        name = f"{cluster}/{names.EAST_WEST_GATEWAY}"
        service = GatewayService(
            (f"{name}-address", f"{name}-service"),
            fleet.system_namespace(cluster),
            EAST_WEST_GATEWAY,
            made,
            declared,
            position_of(fleet, cluster),
            advertised=_stood_for(fleet, cluster, declared),
        )
        self.reached = _reached(self, fleet, access, service)
        self.address, self.port = self.reached.address, self.reached.port(manifests.mesh_port(fleet, cluster))
        registration.known.gateways[cluster] = self.reached
        self.done({"address": self.address})


def _reached(component: Component, fleet: Topology, access: ClusterAccess, service: GatewayService) -> Reached:
    cluster = fleet.clusters[access.name]
    advertised = bool(cluster.east_west_gateway and cluster.east_west_gateway.advertised)
    if advertised and service.declared.type == "NodePort" and cluster.capabilities.gateway_addresses == "cluster":
        # Nodes without external IPs are what it is advertised for.
        return Reached(pulumi.Output.from_input(""))
    return reached(component, fleet, access, service)


def _stood_for(fleet: Topology, cluster: str, declared: Declared) -> tuple[str, ...]:
    """The advertised addresses that a node on this machine stands for, but for the gateway's own."""
    if fleet.clusters[cluster].capabilities.pods != "processes":
        return ()
    return tuple(
        dict.fromkeys(
            entry.address
            for entry in declared.advertised
            if is_ip(entry.address) and entry.address != declared.load_balancer_ip
        )
    )
