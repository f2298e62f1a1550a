"""What an EKS cluster will answer; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.eks.settings import Eks


def _capabilities(_: Eks) -> Capabilities:
    return Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses="cluster",
        gateway_api="fleet",
        api_server="network",
        ends_with_stack=True,
        recreated_by=("serviceCidr",),
        service_range="unknown",
        context=None,
    )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=False,
    component="EksCluster",
    leads_to="eks",
    usage="eks",
    rules=(),
    examples=({},),
    docs="A cluster of an AWS account. Not built yet.",
)
