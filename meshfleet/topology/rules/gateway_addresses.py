"""Requested gateway addresses: each belongs to one gateway; hostnames only where no load balancer assigns one."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.gateways import LoadBalanced

ON_THE_NODE = "the gateway has an address of a node"


def gateway_addresses(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each address that another gateway of its mesh has, and for unpublished hostnames."""
    first: dict[tuple[str, str], str] = {}
    of_mesh = {mesh: draft.networks_of(mesh) for mesh in set(map(draft.mesh_of, draft.clusters.values()))}
    for network, declared in draft.networks.items():
        for position, outside in enumerate(declared.gateways):
            for mesh in [mesh for mesh, networks in of_mesh.items() if network in networks]:
                first.setdefault((mesh, outside.address), f"networks.{network}.gateways[{position}].address")
    for name, cluster in draft.clusters.items():
        for path, gateway in gateways_of(name, cluster):
            if gateway.load_balancer_ip:
                place = f"{path}.loadBalancerIp"
                before = first.setdefault((draft.mesh_of(cluster), gateway.load_balancer_ip), place)
                if before != place:
                    yield Fault(
                        place,
                        f"{shown(gateway.load_balancer_ip)} is also {before}; give each gateway an address of its own",
                    )
            assigned_by = cluster.capabilities.gateway_addresses
            if gateway.hostname and assigned_by != "fleet":
                giver = "its load balancer gives the gateway its name" if assigned_by == "cluster" else ON_THE_NODE
                yield Fault(f"{path}.hostname", f"the pods of {name!r} are real, and {giver}; leave it out")
            if gateway.load_balancer_ip and assigned_by == "node":
                yield Fault(
                    f"{path}.loadBalancerIp",
                    f"{shown(gateway.load_balancer_ip)} cannot be assigned: {ON_THE_NODE} in {name!r}; leave it out, "
                    "or let a load balancer that you install give addresses (gatewayAddresses: cluster)",
                )


def gateways_of(name: str, cluster: Cluster) -> Iterator[tuple[str, LoadBalanced]]:
    """Every gateway that a cluster declares, with its path."""
    if cluster.east_west_gateway:
        yield f"clusters.{name}.eastWestGateway", cluster.east_west_gateway
    for gateway, declared in cluster.ingress_gateways.items():
        yield f"clusters.{name}.ingressGateways.{gateway}", declared
