"""Each istiod sends requests to every endpoint by the network and the region that the stack declares for it.

An endpoint keeps what istiod knew of its pod, or of its machine, when it first saw it. One of another network is
reached through another gateway, or directly where nothing leads there: requests to it time out.

Source: /debug/endpointShardz, pilot/pkg/xds/debug.go and pilot/pkg/xds/endpoints/ep_filters.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshfleet.manifests.names import istiod_service
from meshfleet.verification import istiod
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import Endpoint
from meshfleet.verification.pods import some_of
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision


@dataclass(frozen=True)
class Place:
    """Where an endpoint may be: its network, and its region, zone and subzone, each empty for any."""

    network: str
    locality: tuple[str, str, str] = ("", "", "")

    def fits(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is here. Of one that no node has, and of none whose locality is open, it is not asked."""
        return endpoint.network == self.network and not self.wrong(endpoint)

    def wrong(self, endpoint: Endpoint) -> bool:
        """Whether the locality of an endpoint is another one."""
        if not (endpoint.node or endpoint.workload):
            return False
        found = (*endpoint.locality.split("/"), "", "", "")[:3]
        return any(wanted and wanted != has for wanted, has in zip(self.locality, found, strict=True))

    def __str__(self) -> str:
        place = "/".join(part for part in self.locality if part)
        return f"network {self.network or 'none'}" + (f", {place}" if place else "")


class EndpointsAsDeclared(Check):
    """Asks `/debug/endpointShardz` of every istiod about every endpoint of its mesh."""

    name = "endpoints-as-declared"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.istiods() if one.data_plane == "sidecar")

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        return judge(fleet, cluster, istiod.endpoints(istiod.ask(cluster, "endpointShardz", patience)))


def judge(fleet: FleetView, cluster: ClusterView, endpoints: Iterable[Endpoint]) -> Finding:
    """Whether each endpoint of the mesh of `cluster` is in a place of its own cluster. Pure."""
    places = {member.name: places_of(fleet, member) for member in fleet.mesh_members(cluster.mesh)}
    # No request of the mesh goes to an istiod, which stays where it was when its cluster gets a region.
    istiods = {
        f"{istiod_service(one.control_plane.revision)}.{one.control_plane.namespace}.svc.cluster.local"
        for each in fleet.clusters
        for one in of_each_revision(each)
    }
    count, wrong = 0, {}
    for endpoint in endpoints:
        if endpoint.cluster not in places or endpoint.host in istiods:
            continue
        count += 1
        if not any(place.fits(endpoint) for place in places[endpoint.cluster]):
            wrong[endpoint.address] = _told(endpoint, places)
    if wrong:
        return Finding(
            False,
            f"the istiod of {cluster.name} has {len(wrong)} endpoints where the stack does not: "
            f"{some_of(list(wrong.values()))}; meshfleet up moves those of the fleet, others are named by "
            "pods-as-declared and virtual-machines with the command that does",
        )
    return Finding(True, f"the istiod of {cluster.name} has {count} endpoints, each where the stack has it")


def places_of(fleet: FleetView, cluster: ClusterView) -> tuple[Place, ...]:
    """Where pods of a cluster are, and machines that its control plane knows of. Pure.

    Machines that register themselves are in the cluster that they join, those at fixed addresses in every one of the
    mesh (meshfleet/manifests/virtual_machines.py).
    """
    mesh = {member.name for member in fleet.mesh_members(cluster.mesh)}
    gateway = cluster.gateway_network
    own = [Place(network, (cluster.region, cluster.zone, "")) for network in (cluster.network, gateway) if network]
    machines = [
        Place(one.network, one.locality)
        for one in fleet.virtual_machines
        if one.control_plane == cluster.name or (one.addresses and one.control_plane in mesh)
    ]
    return (*dict.fromkeys([*own, *machines]),)


def _told(endpoint: Endpoint, places: Mapping[str, tuple[Place, ...]]) -> str:
    seen = Place(endpoint.network, ((*endpoint.locality.split("/"), "", "", "")[:3]))  # type: ignore[arg-type]
    declared = " or ".join(map(str, places[endpoint.cluster]))
    name = endpoint.workload or endpoint.host
    return f"{name} of {endpoint.cluster} at {endpoint.address} is on {seen}, not {declared}"
