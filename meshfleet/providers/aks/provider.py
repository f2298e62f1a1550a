"""What an AKS cluster will report; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.aks.settings import Aks
from meshfleet.providers.base import planned

PROVIDER: Final = planned(
    Aks,
    gateway_api="fleet",
    recreated_by=("podCidr", "serviceCidr"),
    docs="A cluster of an Azure resource group. Not built yet.",
)
