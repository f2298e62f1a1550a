"""What an EKS cluster will report; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import planned
from meshfleet.providers.eks.settings import Eks

PROVIDER: Final = planned(
    Eks,
    gateway_api="fleet",
    recreated_by=("serviceCidr",),
    docs="A cluster of an AWS account. Not built yet.",
)
