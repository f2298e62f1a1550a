"""The gateways of a cluster for callers from outside of its mesh, and their addresses.

Source: https://istio.io/latest/docs/setup/additional-setup/gateway/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.gateway_address import GatewayService, Reached, reached
from meshfleet.components.registration import Registration
from meshfleet.manifests import ingress_gateways as manifests
from meshfleet.manifests.load_balancing import position_of


class IngressGateways(Component):
    """The gateways, and the address of each once all that it is made of is there."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        made = registration.register(self, cluster, manifests.SECTION)
        self.reached: dict[str, Reached] = {}
        for name, declared in fleet.clusters[cluster].ingress_gateways.items():
            last = made[manifests.of_one(fleet, cluster, name, registration.known)[-1].name]
            service = GatewayService(
                (f"{cluster}/ingress-address-{name}", f"{cluster}/ingress-service-{name}"),
                fleet.ingress_namespace(cluster, name),
                manifests.service_name(fleet, cluster, name),
                last,
                declared,
                position_of(fleet, cluster, name),
                port=declared.listeners[0].port,
            )
            self.reached[name] = reached(self, fleet, access, service)
        self.done({"addresses": {name: one.address for name, one in self.reached.items()}})
