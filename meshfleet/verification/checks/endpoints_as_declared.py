"""In each istiod, every endpoint has the network and the locality that the stack declares.

An endpoint keeps the values that its pod or machine had when istiod discovered it. With a wrong network it is reached
through the wrong gateway, or directly without a route: requests to it time out.

Source: /debug/endpointShardz, pilot/pkg/xds/debug.go and pilot/pkg/xds/endpoints/ep_filters.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshfleet.manifests.names import istiod_service
from meshfleet.verification import istiod
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import Endpoint
from meshfleet.verification.pods import some_of
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision


@dataclass(frozen=True)
class Place:
    """An expected place of endpoints: network, and region, zone and subzone; an empty value matches any."""

    network: str
    locality: tuple[str, str, str] = ("", "", "")

    def fits(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is in this place. The locality of an endpoint without a node or workload is ignored."""
        return endpoint.network == self.network and not self.wrong(endpoint)

    def wrong(self, endpoint: Endpoint) -> bool:
        """Whether the locality of an endpoint differs."""
        if not (endpoint.node or endpoint.workload):
            return False
        found = (*endpoint.locality.split("/"), "", "", "")[:3]
        return any(wanted and wanted != has for wanted, has in zip(self.locality, found, strict=True))

    def __str__(self) -> str:
        place = "/".join(part for part in self.locality if part)
        return f"network {self.network or 'none'}" + (f", {place}" if place else "")


class EndpointsAsDeclared(Check):
    """Reads from `/debug/endpointShardz` of every istiod the endpoints of all clusters that it discovers."""

    name = "endpoints-as-declared"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.istiods() if one.data_plane == "sidecar")

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        pages = istiod_access(fleet, cluster).pages("endpointShardz", timeout)
        return each_istiod(pages, istiod.endpoints, lambda found: judge(fleet, cluster, found))


def judge(fleet: FleetView, cluster: ClusterView, endpoints: Iterable[Endpoint]) -> Finding:
    """Whether each endpoint that `cluster` discovers is in an expected place of its cluster. Pure."""
    places = {member.name: places_of(fleet, member) for member in fleet.discovered_from(cluster)}
    # istiod is no target of mesh traffic, and it keeps its locality when the region of its cluster changes.
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
            wrong[endpoint.address] = _description(endpoint, places)
    if wrong:
        return Finding(
            False,
            f"the istiod of {cluster.name} has {len(wrong)} endpoints that differ from the stack: "
            f"{some_of(list(wrong.values()))}; meshfleet up moves those of the fleet; for others, run the commands "
            "that the checks pods-as-declared and virtual-machines report",
        )
    return Finding(True, f"the istiod of {cluster.name} has {count} endpoints, all as the stack declares")


def places_of(fleet: FleetView, cluster: ClusterView) -> tuple[Place, ...]:
    """The expected places of a cluster's pods, and of the machines registered with its control plane. Pure.

    Machines that register themselves have an entry in the cluster that they join, machines with static addresses in
    every cluster of the mesh (meshfleet/manifests/virtual_machines.py).
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


def _description(endpoint: Endpoint, places: Mapping[str, tuple[Place, ...]]) -> str:
    seen = Place(endpoint.network, ((*endpoint.locality.split("/"), "", "", "")[:3]))  # type: ignore[arg-type]
    declared = " or ".join(map(str, places[endpoint.cluster]))
    name = endpoint.workload or endpoint.host
    return f"{name} of {endpoint.cluster} at {endpoint.address} is on {seen}, not {declared}"
