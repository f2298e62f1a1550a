"""Advertised addresses of east-west gateways: who uses which, and each of them one gateway's.

An istiod tells all of its proxies the same address of a gateway, so the proxies of a remote cluster use that of their
control plane. The cluster itself decides at which address it reaches an istiod behind the gateway.

Sources: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks and
https://istio.io/latest/docs/setup/install/multicluster/primary-remote_multi-network/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.discovery import discovers
from meshfleet.topology.draft import Draft
from meshfleet.topology.gateways import (
    ISTIOD_PORT,
    WEBHOOK_PORT,
    AdvertisedAddress,
    EastWestGateway,
    advertised_to,
)
from meshfleet.topology.rules.node_ports import FOUND_BY_ISTIOD

EXTERNAL_NAME = "https://kubernetes.io/docs/concepts/services-networking/service/#externalname"


def advertised_addresses(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each entry that no cluster can use, and for each cluster that is left without one."""
    first = _declared(draft)
    for name, cluster in draft.clusters.items():
        gateway = cluster.east_west_gateway
        if not gateway or not gateway.advertised:
            continue
        path = f"clusters.{name}.eastWestGateway.advertised"
        if cluster.data_plane == "ambient":
            yield Fault(
                path,
                "the cluster is ambient, and a gateway that is declared by its address speaks no HBONE to istiod; "
                f"leave it out ({FOUND_BY_ISTIOD})",
            )
            continue
        for position, entry in enumerate(gateway.advertised):
            place = f"{path}[{position}]"
            key = (draft.mesh_of(cluster), entry.address, entry.port)
            before, whose = first.setdefault(key, (place, name))
            if whose != name:
                yield Fault(
                    place,
                    f"{shown(entry.address)} with port {entry.port} is also {before}, and an address and a port lead "
                    "to one gateway; use another port, or leave it out",
                )
        # Clusters that are unreadable are a fault of their own, and may be those that are missing here.
        if len(draft.clusters) == len(draft.names["clusters"]) and not _unknown_mesh(draft):
            yield from _viewers(draft, name, path, gateway)


def viewers(draft: Draft, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Who uses the gateway of a cluster, with the reason: for traffic between networks, and to reach istiods."""
    cluster = draft.clusters[name]
    members = {one: other for one, other in draft.clusters.items() if draft.mesh_of(other) == draft.mesh_of(cluster)}
    traffic = {
        primary: "its control plane reads the gateway"
        for primary, other in members.items()
        if other.control_plane.kind != "remote"
        and discovers(primary, name, cluster.discovery.read_by)
        and any(
            served.network != cluster.network for one, served in members.items() if draft.primary_of(one) == primary
        )
    }
    control = {one: "its istiod is behind the gateway" for one in members if one != name and _host(draft, one) == name}
    for machines in draft.virtual_machines.values():
        if machines.cluster in members and _host(draft, machines.cluster) == name:
            control[machines.cluster] = "its virtual machines reach istiod through the gateway"
    return traffic, control


def _viewers(draft: Draft, name: str, path: str, gateway: EastWestGateway) -> Iterator[Fault]:
    traffic, control = viewers(draft, name)
    known = dict.fromkeys((*traffic, *control))
    listed = ", ".join(known) or "none"
    first: dict[str | None, str] = {}
    for position, entry in enumerate(gateway.advertised):
        places: dict[str, str | None] = {
            f"{path}[{position}].to[{number}]": viewer for number, viewer in enumerate(entry.to)
        }
        # None is for all others.
        for place, viewer in (places or {f"{path}[{position}]": None}).items():
            before = first.setdefault(viewer, place)
            if before != place:
                whose = f"{before} is for all others too" if viewer is None else f"{shown(viewer)} is also {before}"
                yield Fault(place, f"{whose}, and a cluster uses one address of a gateway; leave it out")
            elif viewer is not None and viewer not in draft.names["clusters"]:
                yield Fault(place, f"no cluster is named {shown(viewer)}; this gateway is used by {listed}")
            elif viewer is not None and viewer not in known:
                yield Fault(place, f"{_why_not(draft, name, viewer)}; this gateway is used by {listed}")
    for viewer in known:
        entry_of = advertised_to(gateway.advertised, viewer)
        if entry_of is None:
            yield Fault(
                f"{path}[0].to",
                f"no entry is for {shown(viewer)} ({(traffic | control)[viewer]}); name it in the `to` of one, or "
                "leave it out here, so that this entry is for all others",
            )
        elif viewer in control:
            yield from _by_name(f"{path}[{gateway.advertised.index(entry_of)}]", viewer, entry_of)


def _by_name(path: str, viewer: str, entry: AdvertisedAddress) -> Iterator[Fault]:
    """A name with other ports, by which a cluster cannot be led to its istiod."""
    if is_ip(entry.address):
        return
    for key, port, standard in (
        ("istiodPort", entry.istiod_port, ISTIOD_PORT),
        ("webhookPort", entry.webhook_port, WEBHOOK_PORT),
    ):
        if port != standard:
            yield Fault(
                f"{path}.{key}",
                f"{port}, and {shown(viewer)} reaches istiod by the name {shown(entry.address)}, a Service of type "
                f"ExternalName, which has no ports; use {standard}, or an IP address ({EXTERNAL_NAME})",
            )


def _why_not(draft: Draft, name: str, viewer: str) -> str:
    cluster = draft.clusters[viewer]
    if draft.mesh_of(cluster) != draft.mesh_of(draft.clusters[name]):
        return f"{shown(viewer)} is in another mesh"
    if cluster.control_plane.kind == "remote":
        primary = cluster.control_plane.of
        return f"the proxies of {shown(viewer)} use the address that their control plane has, that of {shown(primary)}"
    return f"{shown(viewer)} does not use this gateway"


def _host(draft: Draft, name: str) -> str:
    """The cluster in which the istiod that serves a cluster runs."""
    primary = draft.primary_of(name)
    plane = draft.clusters[primary].control_plane if primary in draft.clusters else None
    return plane.of if plane and plane.kind == "external" else primary


def _unknown_mesh(draft: Draft) -> bool:
    return any(draft.mesh_of(cluster) not in draft.names["meshes"] for cluster in draft.clusters.values())


def _declared(draft: Draft) -> dict[tuple[str, str, int], tuple[str, str]]:
    """Gateways that networks declare, and requested addresses: mesh, address, port -> place and cluster."""
    found: dict[tuple[str, str, int], tuple[str, str]] = {}
    clusters: Mapping[str, Cluster] = draft.clusters
    for network, declared in draft.networks.items():
        meshes = {draft.mesh_of(cluster) for cluster in clusters.values() if cluster.network == network}
        for position, outside in enumerate(declared.gateways):
            for mesh in meshes:
                place = f"networks.{network}.gateways[{position}]"
                found.setdefault((mesh, outside.address, outside.port), (place, ""))
    for name, cluster in clusters.items():
        gateway = cluster.east_west_gateway
        if gateway and gateway.load_balancer_ip:
            place = f"clusters.{name}.eastWestGateway.loadBalancerIp"
            found.setdefault((draft.mesh_of(cluster), gateway.load_balancer_ip, gateway.port), (place, name))
    return found
