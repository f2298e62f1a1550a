"""Each istiod has endpoints of one Service from every cluster that it discovers, so that traffic can cross clusters.

Source: /debug/endpointShardz, pilot/pkg/model/endpointshards.go: one shard per registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshfleet.topology.system_names import EAST_WEST_GATEWAY
from meshfleet.verification import istiod
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import Shard
from meshfleet.verification.view import ClusterView, FleetView


class EndpointShards(Check):
    """Reads from `/debug/endpointShardz` of every istiod the endpoints of a Service that every cluster has."""

    name = "endpoint-shards"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        pages = istiod_access(fleet, cluster).pages("endpointShardz", timeout)
        return each_istiod(pages, istiod.service_shards, lambda found: judge(fleet, cluster, found))


def judge(fleet: FleetView, cluster: ClusterView, services: Mapping[str, Mapping[str, Shard]]) -> Finding:
    """Whether a Service has a shard with endpoints, on the right network, from each cluster that is discovered.

    A shard from a cluster of another mesh, or from one that is not to be discovered, is a leak, for any Service.
    """
    members = fleet.discovered_from(cluster)
    leaks = sorted(
        f"{host} has a shard Kubernetes/{name} of mesh {fleet.mesh_of(name)}"
        for host, shards in services.items()
        for name in shards
        if fleet.mesh_of(name) not in (None, cluster.mesh)
    )
    if leaks:
        return Finding(False, f"{leaks[0]}, not {cluster.mesh}; {len(leaks)} such shards; delete that remote secret")
    discovered = {member.name for member in members}
    unread = sorted(
        f"{host} has a shard Kubernetes/{name}, which {cluster.name} is not to discover"
        for host, shards in services.items()
        for name in shards
        if fleet.mesh_of(name) == cluster.mesh and name not in discovered
    )
    if unread:
        return Finding(False, f"{unread[0]}; {len(unread)} such shards; the check clusters-synced names its Secret")
    names = candidates(cluster, members)
    host = next((name for name in names if name in services), None)
    if host is None:
        return Finding(
            False,
            f"the istiod of {cluster.name} has none of {', '.join(names)}; saw {len(services)} services",
        )
    shards = services[host]
    faults = []
    for member in members:
        shard = shards.get(member.name)
        if shard is None or shard.endpoints == 0:
            faults.append(
                f"no endpoint of {host} in Kubernetes/{member.name}: check that it is synced and has ready pods"
            )
        elif shard.networks != {member.network}:
            networks = ", ".join(sorted(shard.networks)) or "no network"
            faults.append(f"endpoints of {host} in {member.name} are on {networks}, not {member.network}")
    seen = ", ".join(f"Kubernetes/{name} {shards[name].endpoints}" for name in sorted(shards)) or "no shard"
    if faults:
        return Finding(False, f"{'; '.join(faults)}. The istiod of {cluster.name} has {seen}")
    return Finding(True, f"{host}: {seen} endpoints")


def candidates(cluster: ClusterView, members: Sequence[ClusterView]) -> tuple[str, ...]:
    """Services that every cluster of a mesh has; the east-west gateway first if all of them have one."""
    revision = cluster.control_plane.revision
    control_plane = "istiod" if revision == "default" else f"istiod-{revision}"
    suffix = f"{cluster.control_plane.namespace}.svc.cluster.local"
    everywhere = [EAST_WEST_GATEWAY] if all(member.gateway for member in members) else []
    return tuple(f"{name}.{suffix}" for name in (*everywhere, control_plane))
