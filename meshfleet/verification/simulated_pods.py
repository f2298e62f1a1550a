"""Clusters whose pods are declared as processes and are simulated: checks of real proxies are skipped there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from meshfleet.verification.view import ClusterView, FleetView

_SIMULATED = "simulated: "


def is_simulated(cluster: ClusterView) -> bool:
    """Whether the pods of a cluster are simulated."""
    return cluster.pods.startswith("simulated")


def skipped_for_simulated_pods(
    fleet: FleetView, targets: Callable[[FleetView], Iterable[ClusterView]]
) -> dict[str, str]:
    """The clusters that would be targets of a check if their pods were processes, by name, each with the reason."""
    running = tuple(replace(one, pods="processes") if _declared_as_processes(one) else one for one in fleet.clusters)
    would_run = {one.name for one in targets(replace(fleet, clusters=running))}
    return {
        cluster.name: f"its pods are simulated, since {cluster.pods.removeprefix(_SIMULATED)}"
        for cluster in fleet.clusters
        if _declared_as_processes(cluster) and cluster.name in would_run
    }


def _declared_as_processes(cluster: ClusterView) -> bool:
    return cluster.pods.startswith(_SIMULATED)
