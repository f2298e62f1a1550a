"""Clusters whose pods were to be processes and are not: what is asked of real proxies is not asked there. Pure."""

from __future__ import annotations

from verification.view import ClusterView, FleetView

_SIMULATED = "simulated: "


def is_simulated(cluster: ClusterView) -> bool:
    """Whether no pod of a cluster runs."""
    return cluster.pods.startswith("simulated")


def without_processes(fleet: FleetView) -> dict[str, str]:
    """Those clusters by name, each with the reason."""
    return {
        cluster.name: f"its pods are simulated, since {cluster.pods.removeprefix(_SIMULATED)}"
        for cluster in fleet.clusters
        if cluster.pods.startswith(_SIMULATED)
    }
