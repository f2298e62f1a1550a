"""Clusters whose pods were to be processes and are not: what is asked of real proxies is not asked there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from meshfleet.verification.view import ClusterView, FleetView

_SIMULATED = "simulated: "


def is_simulated(cluster: ClusterView) -> bool:
    """Whether no pod of a cluster runs."""
    return cluster.pods.startswith("simulated")


def without_processes(fleet: FleetView, concerns: Callable[[FleetView], Iterable[ClusterView]]) -> dict[str, str]:
    """Those clusters by name that a check would concern if their pods were processes, each with the reason."""
    running = tuple(replace(one, pods="processes") if _was_to_run(one) else one for one in fleet.clusters)
    concerned = {one.name for one in concerns(replace(fleet, clusters=running))}
    return {
        cluster.name: f"its pods are simulated, since {cluster.pods.removeprefix(_SIMULATED)}"
        for cluster in fleet.clusters
        if _was_to_run(cluster) and cluster.name in concerned
    }


def _was_to_run(cluster: ClusterView) -> bool:
    return cluster.pods.startswith(_SIMULATED)
