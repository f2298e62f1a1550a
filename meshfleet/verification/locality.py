"""The clusters that receive the requests of a caller, by locality load balancing and cluster-local Services. Pure.

Sources: https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/ and
https://istio.io/latest/docs/ops/configuration/traffic-management/multicluster/
"""

from __future__ import annotations

from collections.abc import Sequence

from meshfleet.verification.view import ClusterView, FleetView


def nearest(fleet: FleetView, caller: ClusterView, running: Sequence[ClusterView]) -> list[str]:
    """The names of the clusters of `running` that receive a caller's requests while all of them are healthy."""
    if not by_locality(fleet, caller.mesh):
        return [one.name for one in running]
    best = min((_distance(fleet, caller, one) for one in running), default=0)
    return [one.name for one in running if _distance(fleet, caller, one) == best]


def by_locality(fleet: FleetView, mesh: str) -> bool:
    """Whether a mesh uses locality load balancing, which takes effect with outlier detection."""
    return any(
        one.kind == "DestinationRule" and one.spec.get("trafficPolicy", {}).get("outlierDetection")
        for one in fleet.mesh(mesh).objects
    )


def is_cluster_local(fleet: FleetView, mesh: str, host: str) -> bool:
    """Whether requests for a host stay in the cluster of the caller."""
    settings = fleet.mesh(mesh).mesh_config.get("serviceSettings") or ()
    patterns = [str(pattern) for one in settings for pattern in one["hosts"]]
    return any(host.endswith(one[1:]) if one.startswith("*") else host == one for one in patterns)


def _distance(fleet: FleetView, caller: ClusterView, other: ClusterView) -> int:
    if (caller.region, caller.zone) == (other.region, other.zone):
        return 0
    if caller.region == other.region:
        return 1
    settings = fleet.mesh(caller.mesh).mesh_config.get("localityLbSetting") or {}
    named = {str(one.get("from")): str(one.get("to")) for one in settings.get("failover") or ()}
    return 2 if named.get(caller.region) == other.region else 3
