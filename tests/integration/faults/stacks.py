"""Small fleets for faults: embedded clusters, each on a network of its own, in one mesh."""

from __future__ import annotations

from typing import Any


def small_fleet(*clusters: str) -> dict[str, Any]:
    """The configuration of a stack; the first cluster is the host."""
    return {
        "host": clusters[0],
        "networks": {f"network-{name}": {} for name in clusters},
        "clusters": {name: {"embedded": {}, "network": f"network-{name}"} for name in clusters},
        "namespaces": {"sample": {"injection": True}},
    }
