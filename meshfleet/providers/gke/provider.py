"""What a GKE cluster will answer; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.gke.settings import Gke


def _capabilities(_: Gke) -> Capabilities:
    return Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses="cluster",
        gateway_api="cluster",
        api_server="network",
        ends_with_stack=True,
        recreated_by=("podCidr", "serviceCidr"),
        service_range="unknown",
        context=None,
    )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=False,
    component="GkeCluster",
    leads_to="gke",
    usage="gke",
    rules=(),
    examples=({},),
    docs="A cluster of a Google Cloud project. Not built yet.",
)
