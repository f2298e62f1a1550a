"""What a kind cluster will answer; it is refused until it is built."""

from __future__ import annotations

from typing import Final

from meshfleet.providers.base import planned
from meshfleet.providers.kind.settings import Kind

PROVIDER: Final = planned(
    Kind,
    gateway_api="fleet",
    recreated_by=("podCidr", "serviceCidr"),
    docs="Nodes are containers on this machine; their pods really run. Not built yet.",
)
