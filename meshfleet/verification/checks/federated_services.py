"""Each istiod serves the federated names of the clusters it serves, with endpoints of every cluster that provides them.

Source: /debug/endpointShardz, pilot/pkg/model/endpointshards.go of istio/istio: one shard per registry.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.verification import istiod
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import Shard
from meshfleet.verification.view import ClusterView, FederatedView, FleetView


class FederatedServices(Check):
    """Reads from `/debug/endpointShardz` of every istiod the endpoints of the names of clusterset.local."""

    name = "federated-services"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.istiods() if imported(fleet, one))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        pages = istiod_access(fleet, cluster).pages("endpointShardz", timeout)
        return each_istiod(pages, istiod.service_shards, lambda found: judge(fleet, cluster, found))


def imported(fleet: FleetView, cluster: ClusterView) -> tuple[FederatedView, ...]:
    """The federated Services that the clusters import which the istiod of `cluster` serves. Pure."""
    served = (one for one in fleet.mesh_members(cluster.mesh) if fleet.primary_of(one).name == cluster.name)
    return tuple(dict.fromkeys(each for one in served for each in one.federated))


def judge(fleet: FleetView, cluster: ClusterView, services: Mapping[str, Mapping[str, Shard]]) -> Finding:
    """Whether each name has endpoints of every cluster that provides it. Pure."""
    wanted = imported(fleet, cluster)
    missing = []
    for one in wanted:
        shards = services.get(one.host, {})
        without = [name for name in one.providers if name not in shards or shards[name].endpoints == 0]
        if without:
            missing.append(f"{one.host} has no endpoint in {', '.join(without)}")
    if missing:
        return Finding(
            False,
            f"the istiod of {cluster.name}: {'; '.join(missing)}: check that the Service and its ServiceExport and "
            "ServiceImport are there, and that its pods are ready",
        )
    return Finding(True, f"the istiod of {cluster.name} has every provider of {', '.join(one.host for one in wanted)}")
