"""The access to a cluster, from its status."""

from __future__ import annotations

from meshfleet.verification.access.base import IstiodAccess, NoPodAccess, PodAccess
from meshfleet.verification.access.local import LocalIstiod, LocalPods
from meshfleet.verification.access.through_api_server import IstiodPods, PodsThroughApiServer
from meshfleet.verification.view import ClusterView, FleetView


def istiod_access(fleet: FleetView, cluster: ClusterView) -> IstiodAccess:
    """The access to the istiods of the revision in `cluster`: pods of the cluster that runs them, or a process here.

    Raises VerificationError when status has no cluster that runs them.
    """
    host = fleet.istiod_host_of(cluster)
    if not cluster.control_plane.debug_url and host.pods == "real":
        return IstiodPods(host, cluster.control_plane)
    return LocalIstiod(fleet, cluster)


def pod_access(fleet: FleetView, cluster: ClusterView) -> PodAccess:
    """The access to the running pods of a cluster."""
    if cluster.pods == "real":
        return PodsThroughApiServer(cluster)
    if cluster.pods == "processes" and fleet.home is not None:
        return LocalPods(fleet.workspace(), cluster)
    return NoPodAccess(cluster)
