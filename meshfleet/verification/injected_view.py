"""What proxies of a cluster are to have been injected with, as status tells it (meshfleet/manifests/injected.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class InjectedView:
    """The facts of sidecars, of ingress and of east-west gateways: field → value.

    They are empty where a fleet of an earlier release reports none.
    """

    workloads: Mapping[str, Any] = field(default_factory=dict)
    gateways: Mapping[str, Any] = field(default_factory=dict)
    east_west: Mapping[str, Any] = field(default_factory=dict)


def injected_view(entry: Any) -> InjectedView:
    """Read `injected` of a cluster in `meshfleet status --json`; None, and what is missing, is empty."""
    told = entry if isinstance(entry, Mapping) else {}
    return InjectedView(*(_facts(told.get(kind)) for kind in ("workloads", "gateways", "eastWest")))


def _facts(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
