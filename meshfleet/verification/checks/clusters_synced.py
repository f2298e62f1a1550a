"""Each istiod discovers every cluster of its mesh that it is to read, and no other cluster.

Source: /debug/clusterz, pilot/pkg/bootstrap/server.go and pkg/kube/multicluster.
`synced` covers only the initial synchronization; endpoint-shards shows that updates still arrive.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshfleet.verification import istiod, istiod_log
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import KnownCluster
from meshfleet.verification.view import ClusterView, FleetView


class ClustersSynced(Check):
    """Reads `/debug/clusterz` from every istiod."""

    name = "clusters-synced"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        access = istiod_access(fleet, cluster)

        def finding(known: tuple[KnownCluster, ...]) -> Finding:
            found = judge(fleet, cluster, known)
            return found if found.passed else judge(fleet, cluster, known, access.log(timeout))

        return each_istiod(access.pages("clusterz", timeout), istiod.known_clusters, finding)


def judge(fleet: FleetView, cluster: ClusterView, known: Iterable[KnownCluster], log: str = "") -> Finding:
    """Whether `known` is exactly what `cluster` is to discover, all synced; a cluster of another mesh is a leak.

    `log` is the log of the istiod of `cluster`, which explains why a cluster is not synced. Pure.
    """
    status = {entry.id: entry for entry in known}
    expected = [one.name for one in fleet.discovered_from(cluster)]
    faults = []
    for name in sorted(status):
        mesh = fleet.mesh_of(name)
        if mesh is None:
            faults.append(
                f"{name} (Secret {status[name].secret}) is not in this fleet; delete that Secret if it is a leftover"
            )
        elif mesh != cluster.mesh:
            faults.append(f"{name} belongs to mesh {mesh}, not {cluster.mesh}: delete Secret {status[name].secret}")
        elif name not in expected:
            faults.append(
                f"{name} is discovered, but clusters.{name}.discovery.readBy leaves {cluster.name} out: run meshfleet "
                f"up, and delete Secret {status[name].secret} if it is not one of the stack"
            )
    for name in expected:
        if name not in status:
            faults.append(f"{name} is missing: check that its remote secret is in {cluster.name}")
        elif status[name].status != "synced":
            faults.append(f"{name} is {status[name].status or 'without a sync status'}: {istiod_log.why(log, name)}")
    seen = ", ".join(f"{name} {status[name].status}" for name in sorted(status)) or "no cluster"
    if faults:
        return Finding(False, f"{'; '.join(faults)}. Expected {', '.join(sorted(expected))} synced, saw {seen}")
    return Finding(True, f"the istiod of {cluster.name} discovers {seen}")
