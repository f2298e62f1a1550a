"""Clusters whose pods were to be processes and are not: what is asked of real proxies is not asked there. Pure."""

from __future__ import annotations

from verification.view import FleetView

_SIMULATED = "simulated: "


def without_processes(fleet: FleetView) -> dict[str, str]:
    """Those clusters by name, each with the reason."""
    return {
        cluster.name: f"its pods are simulated, since {cluster.pods.removeprefix(_SIMULATED)}"
        for cluster in fleet.clusters
        if cluster.pods.startswith(_SIMULATED)
    }
