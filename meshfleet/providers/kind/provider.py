"""What a kind cluster reports: its nodes are containers on this machine, it goes with the stack, its pods are real."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.kind.rules import address_ranges, built_images, engines, node_image
from meshfleet.providers.kind.settings import Kind


def _capabilities(settings: Kind) -> Capabilities:
    return Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses=settings.gateway_addresses,
        gateway_api="fleet",
        api_server="network",
        images=settings.images,
        ends_with_stack=True,
        # Arguments of kubeadm, given once.
        recreated_by=("podCidr", "serviceCidr"),
        service_range="assigned",
        context=None,
    )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=False,
    component="KindCluster",
    leads_to="kind",
    usage="kind",
    rules=(address_ranges, built_images, node_image, engines),
    examples=(
        {},
        {"images": "published"},
        {"gatewayAddresses": "cluster"},
        {"images": "published", "gatewayAddresses": "cluster"},
    ),
    docs="""\
Nodes are containers of a Docker engine on this machine, and their pods really run ([kind](kind.md)). Gateways have
addresses of the control plane's node, which other clusters on the machine reach; `gatewayAddresses: cluster` leaves
them to a load balancer. `images: built` needs no image registry.""",
)
