"""Each name still leads to the cluster that the stack recorded under it."""

from __future__ import annotations

from meshfleet.topology.identities import Verdict
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView


class ClusterIdentity(Check):
    """Compares identities that the command has read already, of all clusters at once."""

    name = "cluster-identity"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        # A kubeconfig of an embedded cluster has the cluster's own authority in it, so no other one can answer. One
        # that cannot be read fails the other checks, with what was seen there.
        return tuple(
            cluster
            for cluster in fleet.clusters
            if not cluster.local
            and cluster.name in fleet.decisions
            and fleet.decisions[cluster.name].verdict is not Verdict.UNREAD
        )

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        decision = fleet.decisions[cluster.name]
        if decision.verdict is Verdict.SAME:
            return Finding(True, f"{cluster.name} is the cluster {decision.now} of the stack")
        if decision.verdict is Verdict.NEW:
            return Finding(False, f"the stack has recorded no identity of {cluster.name} yet; `meshfleet up` does")
        return Finding(
            False,
            f"{cluster.name} is another cluster ({decision.now}) than the one of the stack ({decision.before}); "
            "`meshfleet preview` shows what `meshfleet up` creates in it again",
        )
