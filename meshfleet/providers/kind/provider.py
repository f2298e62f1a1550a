"""What a kind cluster will answer; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.kind.settings import Kind


def _capabilities(_: Kind) -> Capabilities:
    return Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses="cluster",
        gateway_api="fleet",
        api_server="network",
        ends_with_stack=True,
        recreated_by=("podCidr", "serviceCidr"),
        service_range="unknown",
        context=None,
    )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=False,
    component="KindCluster",
    leads_to="kind",
    usage="kind",
    rules=(),
    examples=({},),
    docs="Nodes are containers on this machine; their pods really run. Not built yet.",
)
