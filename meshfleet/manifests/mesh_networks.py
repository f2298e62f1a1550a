"""Gateways into networks that istiod cannot find by labels, as its chart takes them.

Those of networks are the same in every control plane of a mesh; of a cluster's gateway each has the address that is
advertised to it. The clusters on a network are named beside its gateways, as Istio's reference asks; they are on it by
the label of their namespace as well.
Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
"""

from __future__ import annotations

from meshfleet.manifests.objects import Object
from meshfleet.topology import Fleet


def mesh_networks(fleet: Fleet, viewer: str) -> Object:
    """The networks that have declared gateways, for `global.meshNetworks` of a control plane; empty when none has.

    `viewer` is the cluster whose name the control plane has.
    """
    found = declared_gateways(fleet, viewer)
    return {
        name: {
            "endpoints": [{"fromRegistry": cluster} for cluster in sorted(fleet.members_on(name))],
            "gateways": [{"address": address, "port": port} for address, port in found[name]],
        }
        for name in sorted(found)
    }


def declared_gateways(fleet: Fleet, viewer: str) -> dict[str, list[tuple[str, int]]]:
    """Address and port of each gateway that the control plane of this name cannot find by itself, by network."""
    mesh = fleet.mesh_of(viewer)
    found = {
        name: [(gateway.address, gateway.port) for gateway in fleet.networks[name].gateways]
        for name in fleet.networks_of(mesh)
    }
    for cluster in sorted(fleet.members_of(mesh)):
        entry = fleet.advertised_to(cluster, viewer)
        if entry and fleet.is_network_gateway(cluster):
            found.setdefault(fleet.gateway_network(cluster), []).append((entry.address, entry.port))
    return {name: gateways for name, gateways in found.items() if gateways}
