"""Address ranges within a network, and which meshes a network may serve.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations, pairwise

from meshfleet.errors.faults import Fault
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.special_ranges import IpNetwork


def networks(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for overlapping ranges that must be told apart, and for a network of two meshes."""
    for name, cluster in draft.clusters.items():
        yield from _same_cluster(name, cluster)
    members: dict[str, dict[str, Cluster]] = {}
    for name, cluster in draft.clusters.items():
        members.setdefault(cluster.network, {})[name] = cluster
    for clusters in members.values():
        # Of a thousand clusters on one network there are half a million pairs, and hardly ever one to speak of.
        if not _sound(draft, clusters.values()):
            yield from _each_pair(draft, clusters)


def _sound(draft: Draft, clusters: Collection[Cluster]) -> bool:
    """Whether no pair of clusters of a network can be at fault."""
    ranges = sorted(
        (cluster.pod_cidr for cluster in clusters if cluster.pod_cidr),
        key=lambda pods: (pods.version, int(pods.network_address), pods.prefixlen),
    )
    # Blocks of addresses lie in one another or apart, so in this order one that holds another holds the next one.
    return len({draft.mesh_of(cluster) for cluster in clusters}) == 1 and not any(
        _overlap(one, other) for one, other in pairwise(ranges)
    )


def _each_pair(draft: Draft, clusters: Mapping[str, Cluster]) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(clusters.items(), 2):
        yield from _same_network(first, one, second, other)
        meshes = {draft.mesh_of(one), draft.mesh_of(other)}
        # A mesh that is missing or unknown is a fault of its own and says nothing about the network.
        if len(meshes) == 2 and meshes <= set(draft.names["meshes"]):
            yield Fault(
                f"clusters.{second}.network",
                f"the network {one.network!r} serves the mesh {draft.mesh_of(one)!r} through {first!r}; "
                "meshes share no network, give each its own",
            )


def _same_cluster(name: str, cluster: Cluster) -> Iterator[Fault]:
    pods, services = cluster.pod_cidr, cluster.service_cidr
    if not pods or not services:
        return
    path = f"clusters.{name}.serviceCidr"
    if pods.version != services.version:
        yield Fault(path, f"{services} is IPv{services.version} and podCidr {pods} is not; use one family for both")
    elif pods.overlaps(services):
        yield Fault(path, f"{services} overlaps the cluster's own podCidr {pods}; keep them apart")


def _same_network(first: str, one: Cluster, second: str, other: Cluster) -> Iterator[Fault]:
    # Pods of one network reach each other directly, so an address must mean one pod.
    if one.pod_cidr and other.pod_cidr and _overlap(one.pod_cidr, other.pod_cidr):
        yield Fault(
            f"clusters.{second}.podCidr",
            f"{other.pod_cidr} overlaps {one.pod_cidr} of {first!r} on the same network {one.network!r}; "
            "use separate ranges, or separate networks joined by east-west gateways",
        )


def _overlap(one: IpNetwork, other: IpNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)
