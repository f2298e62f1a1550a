"""Each cluster name still refers to the cluster recorded in the stack."""

from __future__ import annotations

from meshfleet.topology.identities import Verdict
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView


class ClusterIdentity(Check):
    """Compares identities that the command has already read."""

    name = "cluster-identity"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        # The kubeconfig of an embedded cluster contains the cluster's own CA, so no other cluster can respond. If a
        # cluster cannot be read, the other checks fail and report the reason.
        return tuple(
            cluster
            for cluster in fleet.clusters
            if not cluster.local
            and cluster.name in fleet.decisions
            and fleet.decisions[cluster.name].verdict is not Verdict.UNREAD
        )

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        decision = fleet.decisions[cluster.name]
        if decision.verdict is Verdict.SAME:
            return Finding(True, f"{cluster.name} is the cluster {decision.now} of the stack")
        if decision.verdict is Verdict.NEW:
            return Finding(False, f"the stack has no recorded identity of {cluster.name} yet; run `meshfleet up`")
        return Finding(
            False,
            f"{cluster.name} is a different cluster ({decision.now}) from the recorded one ({decision.before}); "
            "`meshfleet preview` shows what `meshfleet up` recreates in it",
        )
