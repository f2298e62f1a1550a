"""Gateways into a network that are declared, since istiod cannot find them.

Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.network import NetworkGateway

AMBIENT = "https://istio.io/latest/docs/ambient/install/multicluster/multi-primary_multi-network/"


def network_gateways(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each gateway that is declared twice, or for a network that no gateway is of use to."""
    first: dict[tuple[str, int], str] = {}
    for name, network in draft.networks.items():
        path = f"networks.{name}.gateways"
        for position, gateway in enumerate(network.gateways):
            yield from _twice(f"{path}[{position}]", gateway, first)
        if network.gateways:
            yield from _useless(draft, path, name)


def _twice(path: str, gateway: NetworkGateway, first: dict[tuple[str, int], str]) -> Iterator[Fault]:
    before = first.setdefault((gateway.address, gateway.port), path)
    if before != path:
        yield Fault(
            path,
            f"{shown(gateway.address)} with port {gateway.port} is also {before}; "
            "a gateway leads into one network, declare it once",
        )


def _useless(draft: Draft, path: str, network: str) -> Iterator[Fault]:
    inside = [cluster for cluster in draft.clusters.values() if cluster.network == network]
    meshes = {draft.mesh_of(cluster) for cluster in inside}
    # Whatever is missing or unreadable is a fault of its own: a cluster, its mesh, or all that is on the network. One
    # that machines alone are on is another than that of the clusters that they call.
    if not inside or not meshes <= set(draft.names["meshes"]) or not draft.all_readable():
        return
    if any(cluster.data_plane == "ambient" for cluster in inside):
        yield Fault(
            path,
            f"clusters on it are ambient, and such gateways speak HBONE, which Istio does not ask of a gateway "
            f"declared here; leave the list out ({AMBIENT})",
        )
    elif {one for mesh in meshes for one in draft.networks_of(mesh)} == {network}:
        yield Fault(
            path,
            f"its mesh has the one network {shown(network)}, and only other networks go through a gateway; "
            "leave the list out, or put a cluster or machines of the mesh on another network",
        )
