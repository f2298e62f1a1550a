"""Clusters that an `up` left without their control plane, since something failed in another cluster.

The engine passes over what waits for a resource that failed, and says nothing of it. Who waits for whom is in the
topology, so it can be told.
"""

from __future__ import annotations

from meshfleet.automation.reporting.changes import Place, Record
from meshfleet.components.tokens import remote_readiness
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import Fleet


def unserved(fleet: Fleet, record: Record) -> list[str]:
    """A sentence for each cluster whose istiod runs elsewhere and did not get as far as to serve it.

    It names the primary, and what failed there with the beginning of the reason. A cluster in which something failed
    itself has a sentence of its own already.
    """
    return [
        f"{name} waits for {_serving(fleet, name)}, {cause}"
        for name, cluster in fleet.clusters.items()
        if cluster.control_plane.kind != "own"
        and not _is_served(fleet, record, name)
        and not any(place.cluster == name for place in record.failures)
        and (cause := _cause(fleet, record, name))
    ]


def _is_served(fleet: Fleet, record: Record, name: str) -> bool:
    """Whether the istiods of all revisions got as far as to serve the cluster."""
    return all(_answer(fleet, name, revision) in record.reached for revision in fleet.istio.installed)


def _answer(fleet: Fleet, name: str, revision: str) -> Place:
    """The resource that is done when a revision of istiod serves the cluster."""
    host, istiod = fleet.hosting(name), istiod_service(revision)
    if name != fleet.primary_of(name):
        what = remote_readiness(revision)
    elif fleet.clusters[host].capabilities.istiod_runtime == "process":
        what = f"{istiod}-process"
    else:
        return Place(host, "control plane", f"external-{name}-{istiod}")
    return Place(name, "control plane", what)


def _serving(fleet: Fleet, name: str) -> str:
    primary = fleet.primary_of(name)
    return f"the control plane of {primary}" if name != primary else f"its control plane in {fleet.hosting(name)}"


def _cause(fleet: Fleet, record: Record, name: str) -> str | None:
    """What failed: in the cluster whose name the istiod carries, where that runs, at a peer, or for the whole fleet."""
    primary, host = fleet.primary_of(name), fleet.hosting(name)
    for place, texts in record.failures.items():
        if place.cluster == primary:
            return f"whose {_failure(place, texts)}"
        if place.cluster == host:
            where = f"which runs in {host}, " if name != primary else ""
            return f"{where}whose {_failure(place, texts)}"
    for place, texts in record.failures.items():
        if place.cluster in fleet.peers_of(primary):
            return f"which is told of its clusters all at once, and of {place.cluster} {_failure(place, texts)}"
        if not place.cluster:
            return f"for which {_failure(place, texts)}"
    return None


def _failure(place: Place, texts: list[str]) -> str:
    # The rest of the reason stands in the sentence of the resource itself.
    reason = " ".join(texts).partition("; ")[0]
    return f"{place.what} failed: {reason}" if reason else f"{place.what} failed"
