"""The east-west gateway of a cluster and its address.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.gateway_address import found_address, given_address, node_address
from meshfleet.components.registration import Registration
from meshfleet.manifests import gateways as manifests
from meshfleet.manifests import names
from meshfleet.manifests.load_balancing import position_of
from meshfleet.manifests.objects import EAST_WEST_GATEWAY
from meshfleet.topology import EastWestGateway as Declared


class EastWestGateway(Component):
    """Comes after istiod answers: its pods are made by istiod's injection webhook, or in ambient mode by istiod."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        declared = fleet.clusters[cluster].east_west_gateway or Declared()
        made = registration.register(self, cluster, manifests.EAST_WEST)[names.EAST_WEST_GATEWAY]
        self.port = manifests.mesh_port(fleet, cluster)
        service = (fleet.system_namespace(cluster), EAST_WEST_GATEWAY)
        name = f"{cluster}/{names.EAST_WEST_GATEWAY}"
        self.address: pulumi.Output[str]
        match fleet.clusters[cluster].capabilities.gateway_addresses:
            case "fleet":
                self.address = given_address(self, f"{name}-address", fleet, access, service, made, declared)
            case "node":
                self.address = node_address(access, position_of(fleet, cluster), made)
            case "cluster":
                self.address = found_address(self, f"{name}-service", access, service, made)
        registration.known.gateway_addresses[cluster] = self.address
        self.done({"address": self.address})
