"""Ranges of Services in a mesh: an address of a Service means one Service to every proxy of it.

Every proxy has a listener at the address of each TCP Service of its mesh, those of other clusters included. Where two
clusters give one address to two Services, what is sent to the one reaches the other; where it is that of a pod, the
pod cannot be called.

Source: buildSidecarOutboundListeners of pilot/pkg/networking/core/listener.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import collapse_addresses
from itertools import combinations, pairwise

from meshfleet.errors.faults import Fault
from meshfleet.topology.address_blocks import SERVICE_BLOCK
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.discovery import discovers
from meshfleet.topology.draft import Draft
from meshfleet.topology.special_ranges import IpNetwork


@dataclass(frozen=True)
class Declared:
    """A range that the stack file has: of which cluster, and under which key."""

    cluster: str
    key: str
    range: IpNetwork


def ranges(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each range of Services that overlaps another range of its mesh."""
    for mesh in draft.names["meshes"]:
        members = {name: cluster for name, cluster in draft.clusters.items() if draft.mesh_of(cluster) == mesh}
        declared = list(_declared(members))
        # Of a thousand clusters there are half a million pairs, and hardly ever one to speak of.
        if not _sound(declared):
            yield from _pairs(mesh, members, declared)
        yield from _defaults(mesh, members, declared)


def _declared(members: Mapping[str, Cluster]) -> Iterator[Declared]:
    for name, cluster in members.items():
        if cluster.pod_cidr:
            yield Declared(name, "podCidr", cluster.pod_cidr)
        if cluster.service_cidr:
            yield Declared(name, "serviceCidr", cluster.service_cidr)


def _sound(declared: list[Declared]) -> bool:
    """Whether no range of Services overlaps any other range; ranges of pods are told apart by network."""
    for version in (4, 6):
        services = [one.range for one in declared if one.key == "serviceCidr" and one.range.version == version]
        pods = [one.range for one in declared if one.key == "podCidr" and one.range.version == version]
        # All of them are of one version.
        merged: list[IpNetwork] = [*services, *collapse_addresses(pods)]  # type: ignore[type-var]
        ordered = sorted(merged, key=lambda one: (int(one.network_address), one.prefixlen))
        # Blocks lie in one another or apart, so in this order one that holds another holds the next one.
        if any(one.overlaps(other) for one, other in pairwise(ordered)):
            return False
    return True


def _pairs(mesh: str, members: Mapping[str, Cluster], declared: list[Declared]) -> Iterator[Fault]:
    for first, second in combinations(declared, 2):
        # Pods are told apart by network, and the ranges of one cluster by a rule of their own.
        of_services = "serviceCidr" in (first.key, second.key)
        if not of_services or first.cluster == second.cluster or not _overlap(first.range, second.range):
            continue
        if not _known_together(members, first.cluster, second.cluster):
            continue
        yield Fault(
            f"clusters.{second.cluster}.{second.key}",
            f"{second.range} overlaps the {first.key} {first.range} of {first.cluster!r} in the mesh {mesh!r}; a proxy "
            "sends TCP by the address of a Service, which must mean one Service in the whole mesh: keep them apart",
        )


def _known_together(members: Mapping[str, Cluster], *clusters: str) -> bool:
    """Whether the proxies of some cluster know the Services of all `clusters`."""
    primaries = [name for name, cluster in members.items() if cluster.control_plane.kind != "remote"]
    return any(
        all(discovers(primary, name, members[name].discovery.read_by) for name in clusters) for primary in primaries
    )


def _defaults(mesh: str, members: Mapping[str, Cluster], declared: list[Declared]) -> Iterator[Fault]:
    """A range of Services that is left out comes from a block, from which no other range of the mesh may be."""
    assigned = (name for name, one in members.items() if one.capabilities.service_range == "assigned")
    left_out = next((name for name in assigned if not members[name].service_cidr), "")
    if not left_out:
        return
    for one in declared:
        if _overlap(SERVICE_BLOCK, one.range):
            yield Fault(
                f"clusters.{one.cluster}.{one.key}",
                f"{one.range} overlaps {SERVICE_BLOCK}, from which {left_out!r} in the mesh {mesh!r} gets its "
                f"serviceCidr, since it names none; use another range, or give {left_out!r} a serviceCidr",
            )


def _overlap(one: IpNetwork, other: IpNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)
