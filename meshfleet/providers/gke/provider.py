"""What a GKE cluster will report; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import planned
from meshfleet.providers.gke.settings import Gke

PROVIDER: Final = planned(
    Gke,
    gateway_api="cluster",
    recreated_by=("podCidr", "serviceCidr"),
    docs="A cluster of a Google Cloud project. Not built yet.",
)
