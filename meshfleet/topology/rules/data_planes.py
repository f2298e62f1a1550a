"""Where Istio's ambient mode may be used.

Source: https://istio.io/latest/docs/ambient/install/multicluster/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.gateways import EastWestGateway

AMBIENT = "https://istio.io/latest/docs/ambient/install/multicluster/"


def data_planes(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster whose data plane Istio does not support where it is."""
    for mesh in draft.names["meshes"]:
        members = {name: cluster for name, cluster in draft.clusters.items() if draft.mesh_of(cluster) == mesh}
        ambient = {name: cluster for name, cluster in members.items() if cluster.data_plane == "ambient"}
        yield from _mixed(mesh, members, ambient)
        yield from _one_network(ambient)
        for name, cluster in ambient.items():
            yield from _served_from_elsewhere(name, cluster)
            yield from _settings(name, cluster)
            yield from _processes(name, cluster)


def _mixed(mesh: str, members: dict[str, Cluster], ambient: dict[str, Cluster]) -> Iterator[Fault]:
    sidecar = [name for name in members if name not in ambient]
    if not ambient or not sidecar:
        return
    # The flag that multi-network ambient needs breaks discovery of sidecars (istio/istio #61713, #60343).
    for name in ambient:
        yield Fault(
            f"clusters.{name}.dataPlane",
            f"ambient does not mix with the sidecars of {', '.join(map(repr, sidecar))} in the mesh {mesh!r}; "
            f"use the same dataPlane in all clusters of a mesh ({AMBIENT})",
        )


def _processes(name: str, cluster: Cluster) -> Iterator[Fault]:
    if cluster.capabilities.pods == "processes":
        yield Fault(
            f"clusters.{name}.{cluster.provider}.pods",
            "processes, and the cluster is ambient; ztunnel is not among the programs that run here, "
            "leave it out or use sidecars",
        )


def _one_network(ambient: dict[str, Cluster]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, cluster in ambient.items():
        before = first.setdefault(cluster.network, name)
        if before != name:
            yield Fault(
                f"clusters.{name}.network",
                f"{cluster.network!r} is also the network of {before!r}; several ambient clusters on one network "
                f"are alpha in Istio and not supported, give each cluster a network of its own, or "
                f"use sidecars ({AMBIENT})",
            )


def _served_from_elsewhere(name: str, cluster: Cluster) -> Iterator[Fault]:
    kind = cluster.control_plane.kind
    if kind != "own":
        yield Fault(
            f"clusters.{name}.dataPlane",
            f"ambient is not supported where the control plane is {kind}; use sidecar, or own ({AMBIENT})",
        )


def _settings(name: str, cluster: Cluster) -> Iterator[Fault]:
    gateway = cluster.east_west_gateway
    if gateway and gateway.port != EastWestGateway.model_fields["port"].default:
        yield Fault(
            f"clusters.{name}.eastWestGateway.port",
            f"{gateway.port} cannot be chosen: ambient clusters take traffic from other networks at port "
            f"15008 (HBONE); leave it out ({AMBIENT})",
        )
