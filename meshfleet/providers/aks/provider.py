"""What an AKS cluster will answer; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.aks.settings import Aks
from meshfleet.providers.base import Capabilities, Provider


def _capabilities(_: Aks) -> Capabilities:
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
    component="AksCluster",
    leads_to="aks",
    usage="aks",
    rules=(),
    examples=({},),
    docs="A cluster of an Azure resource group. Not built yet.",
)
