"""Each istiod knows a gateway into every other network that it discovers clusters on, at its assigned address, and the
gateways that the stack declares explicitly.

Source: /debug/networkz, pilot/pkg/model/network.go; gateways are discovered by the label
topology.istio.io/network on their Services.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from meshfleet.verification import istiod
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istiod import NetworkGateway
from meshfleet.verification.view import ClusterView, DeclaredGateway, FleetView, GatewayView


class NetworkGateways(Check):
    """Reads `/debug/networkz` from every istiod."""

    name = "network-gateways"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        pages = istiod_access(fleet, cluster).pages("networkz", timeout)
        return each_istiod(pages, istiod.network_gateways, lambda found: judge(fleet, cluster, found))


def judge(fleet: FleetView, cluster: ClusterView, gateways: Sequence[NetworkGateway]) -> Finding:
    """Whether `gateways` lead into every other network that `cluster` discovers, and into no other mesh."""
    members = fleet.discovered_from(cluster)
    faults = [
        f"gateway {gateway.address}:{gateway.port} of {gateway.cluster} belongs to mesh "
        f"{fleet.mesh_of(gateway.cluster)}: "
        f"delete its remote secret, then restart the istiod of {cluster.name}, which keeps discovered gateways"
        for gateway in gateways
        if fleet.mesh_of(gateway.cluster) not in (None, cluster.mesh)
    ]
    alone = _machines_alone(fleet, cluster)
    # Machines elsewhere come in through the gateway of the cluster's own network.
    remote_networks = sorted({*_networks(cluster, members), *([cluster.network] if alone else [])})
    unresolved = []
    for network in remote_networks:
        behind = [member for member in members if member.gateway_network == network]
        if not behind:
            faults.append(
                f"status has no gateway for network {network}; check that its load balancer address is assigned"
            )
        for member in behind:
            missing, name = _of_cluster(cluster.name, member, gateways)
            faults += missing
            unresolved += name
    for declared in fleet.mesh(cluster.mesh).network_gateways:
        missing, name = _declared(declared, gateways)
        faults += missing
        unresolved += name
    seen = ", ".join(f"{g.network} at {g.address}:{g.port}" for g in gateways) or "no gateway"
    if unresolved:
        # istiod omits host names that it cannot resolve, and those of the fleet's networks may not resolve here.
        seen += f", and cannot resolve {', '.join(unresolved)} from this machine"
    if faults:
        return Finding(False, f"{'; '.join(faults)}. The istiod of {cluster.name} knows {seen}")
    if not remote_networks:
        where = "has a single network" if len(members) == len(fleet.mesh_members(cluster.mesh)) else "is discovered on"
        return Finding(True, f"mesh {cluster.mesh} {where} {cluster.network}, which needs no gateway")
    # Without one nothing outside of such a network calls its machines, as `validate` says of it.
    closed = sorted(alone - {declared.network for declared in fleet.mesh(cluster.mesh).network_gateways})
    seen += f"; no gateway leads into {', '.join(closed)}" if closed else ""
    return Finding(True, f"the istiod of {cluster.name} reaches {seen}")


def _machines_alone(fleet: FleetView, cluster: ClusterView) -> set[str]:
    """The networks of the mesh of `cluster` that machines are on, and no cluster."""
    machines = {view.network for view in fleet.virtual_machines if fleet.mesh_of(view.control_plane) == cluster.mesh}
    return machines - {member.network for member in fleet.mesh_members(cluster.mesh)} - {""}


def _networks(cluster: ClusterView, members: Sequence[ClusterView]) -> list[str]:
    """The networks for which an istiod needs a gateway: all except its own, which is included while a cluster moves."""
    on = {member.network for member in members}
    exposed = {member.gateway_network for member in members if member.gateway}
    moving = any(member.gateway and member.gateway_network != member.network for member in members)
    return sorted(on | exposed if moving else on - {cluster.network})


def _of_cluster(viewer: str, member: ClusterView, gateways: Sequence[NetworkGateway]) -> tuple[list[str], list[str]]:
    """The faults if the gateway of a cluster is unknown to istiod, and its host name if that does not resolve."""
    gateway = member.gateway
    if gateway and (advertised := gateway.seen_by(viewer)):
        found = [
            f"gateway {seen.address}:{seen.port} of {member.name} is the address of its Service, and "
            f"{advertised.address}:{advertised.port} is advertised in its place: run meshfleet up"
            for seen in gateways
            if (seen.network, seen.cluster) == (member.gateway_network, member.name)
        ]
        missing, name = _declared(
            DeclaredGateway(member.gateway_network, advertised.address, advertised.port), gateways
        )
        return found + missing, name
    if gateway is None or any(_matches(seen, member, gateway) for seen in gateways):
        return [], []
    if gateway.named and not any(seen.cluster == member.name for seen in gateways):
        return [], [f"{gateway.address}:{gateway.port} for network {member.gateway_network}"]
    fault = (
        f"no gateway {gateway.address}:{gateway.port} for network {member.gateway_network} ({member.name}): "
        "check that its Service has the label topology.istio.io/network and an address; one of type NodePort has "
        "the ExternalIP of its nodes"
    )
    return [fault], []


def _declared(declared: DeclaredGateway, gateways: Sequence[NetworkGateway]) -> tuple[list[str], list[str]]:
    """The same for a gateway that the stack declares."""
    if any(_is_declared(seen, declared) for seen in gateways):
        return [], []
    place = f"{declared.address}:{declared.port} for network {declared.network}"
    if not is_address(declared.address):
        return [], [place]
    return [f"no gateway {place}, which the stack declares: check meshNetworks in the ConfigMap istio"], []


def _matches(seen: NetworkGateway, member: ClusterView, gateway: GatewayView) -> bool:
    if (seen.network, seen.cluster, seen.port) != (member.gateway_network, member.name, gateway.port):
        return False
    # A load balancer's host name is resolved by istiod, so only IP addresses can be compared.
    return seen.address == gateway.address or not is_address(gateway.address)


def _is_declared(seen: NetworkGateway, declared: DeclaredGateway) -> bool:
    # A gateway without a Service has no cluster.
    if (seen.network, seen.cluster, seen.port) != (declared.network, "", declared.port):
        return False
    return seen.address == declared.address or not is_address(declared.address)


def is_address(text: str) -> bool:
    """Whether a text is an IP address. Pure."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
