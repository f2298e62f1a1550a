"""Clusters without a control plane because of a failure in another cluster.

The engine skips resources that depend on a failed resource without reporting them. The topology has these dependencies
between clusters.
"""

from __future__ import annotations

from meshfleet.automation.reporting.changes import Place, Record
from meshfleet.components.tokens import remote_readiness
from meshfleet.manifests.names import hosted, istiod_service
from meshfleet.topology import Fleet


def blocked_clusters(fleet: Fleet, record: Record) -> list[str]:
    """A message for each cluster whose remote istiod was not deployed far enough to serve it.

    It names the primary, and the failed resource with the start of its error. A cluster with a failure of its own has a
    message already.
    """
    return [
        f"{name} waits for {_control_plane_of(fleet, name)}, {cause}"
        for name, cluster in fleet.clusters.items()
        if cluster.control_plane.kind != "own"
        and not _has_control_plane(fleet, record, name)
        and not any(place.cluster == name for place in record.failures)
        and (cause := _cause(fleet, record, name))
    ]


def _has_control_plane(fleet: Fleet, record: Record, name: str) -> bool:
    """Whether the istiods of all revisions serve the cluster."""
    return all(_completion(fleet, name, revision) in record.reached for revision in fleet.istio.installed)


def _completion(fleet: Fleet, name: str, revision: str) -> Place:
    """The resource that completes when a revision of istiod serves the cluster."""
    host, istiod = fleet.hosting(name), istiod_service(revision)
    if name != fleet.primary_of(name):
        what = remote_readiness(revision)
    elif fleet.clusters[host].capabilities.istiod_runtime == "process":
        what = f"{istiod}-process"
    else:
        return Place(host, "control plane", hosted(name, istiod))
    return Place(name, "control plane", what)


def _control_plane_of(fleet: Fleet, name: str) -> str:
    primary = fleet.primary_of(name)
    return f"the control plane of {primary}" if name != primary else f"its control plane in {fleet.hosting(name)}"


def _cause(fleet: Fleet, record: Record, name: str) -> str | None:
    """The failure: in the primary, the cluster that runs its istiod, one that it reads, or for the whole fleet."""
    primary, host = fleet.primary_of(name), fleet.hosting(name)
    for place, texts in record.failures.items():
        if place.cluster == primary:
            return f"whose {_failure(place, texts)}"
        if place.cluster == host:
            where = f"which runs in {host}, " if name != primary else ""
            return f"{where}whose {_failure(place, texts)}"
    for place, texts in record.failures.items():
        if place.cluster in fleet.reads(primary):
            return f"whose remote secrets are applied together, and in {place.cluster} {_failure(place, texts)}"
        if not place.cluster:
            return f"for which {_failure(place, texts)}"
    return None


def _failure(place: Place, texts: list[str]) -> str:
    # The message of the resource itself has the whole error.
    reason = " ".join(texts).partition("; ")[0]
    return f"{place.what} failed: {reason}" if reason else f"{place.what} failed"
