"""The gateways of a cluster for callers from outside of its mesh, and their addresses.

Source: https://istio.io/latest/docs/setup/additional-setup/gateway/
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.gateway_address import found_address, given_address
from meshfleet.components.helm_release import helm_release
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import Release
from meshfleet.manifests import ingress_gateways as manifests
from meshfleet.topology import Fleet


class IngressGateways(Component):
    """Comes after istiod answers, which injects their pods or deploys them, and after the namespaces they are in."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        namespaces: Mapping[str, pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        self.addresses: dict[str, pulumi.Output[str]] = {}
        for name, declared in fleet.clusters[cluster].ingress_gateways.items():
            before = [namespaces[declared.namespace]] if declared.namespace else []
            made: pulumi.Resource | None = None
            for what, body in manifests.documents(fleet, cluster, name).items():
                after = [*control_plane.ready, *access.nodes, *before, *([made] if made else [])]
                inside = self.child(provider=access.provider, after=after, deleted_with=access.goes_with)
                if isinstance(body, Release):
                    made = helm_release(f"{cluster}/{what}", fleet, access, body, inside)
                else:
                    made = KubernetesObject(f"{cluster}/{what}", fleet, body, inside)
            assert made is not None  # a gateway is made of something
            service = (fleet.ingress_namespace(cluster, name), manifests.service_name(fleet, cluster, name))
            self.addresses[name] = (
                given_address(
                    self,
                    f"{cluster}/ingress-address-{name}",
                    fleet,
                    access,
                    service,
                    made,
                    declared,
                    port=declared.listeners[0].port,
                )
                if fleet.clusters[cluster].capabilities.gateway_addresses == "fleet"
                else found_address(self, f"{cluster}/ingress-service-{name}", access, service, made)
            )
        self.done({"addresses": self.addresses})
