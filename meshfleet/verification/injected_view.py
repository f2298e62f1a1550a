"""The expected injection settings of a cluster's proxies, from its status (meshfleet/manifests/injected.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshfleet.status.clusters import Injected


@dataclass(frozen=True)
class InjectedView:
    """The expected settings of sidecars, of ingress gateways and of east-west gateways: field → value.

    They are empty where a fleet of an earlier release reports none.
    """

    workloads: Mapping[str, Any] = field(default_factory=dict)
    gateways: Mapping[str, Any] = field(default_factory=dict)
    east_west: Mapping[str, Any] = field(default_factory=dict)


def injected_view(injected: Injected | None) -> InjectedView:
    """The view for `injected` of a cluster in the status; empty for None."""
    if injected is None:
        return InjectedView()
    return InjectedView(injected.workloads, injected.gateways, injected.east_west)
