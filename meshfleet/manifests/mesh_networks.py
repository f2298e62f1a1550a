"""Gateways into networks that istiod cannot find by labels, as its chart takes them.

The same bytes in every control plane of a mesh. The clusters on a network are named beside its gateways, as Istio's
reference asks; they are on it by the label of their namespace as well.
Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
"""

from __future__ import annotations

from meshfleet.manifests.objects import Object
from meshfleet.topology import Fleet


def mesh_networks(fleet: Fleet, mesh: str) -> Object:
    """The networks of a mesh that have declared gateways, for `global.meshNetworks`; empty when none has."""
    networks = sorted(name for name in fleet.networks_of(mesh) if fleet.networks[name].gateways)
    return {
        name: {
            "endpoints": [{"fromRegistry": cluster} for cluster in sorted(fleet.members_on(name))],
            "gateways": [
                {"address": gateway.address, "port": gateway.port} for gateway in fleet.networks[name].gateways
            ],
        }
        for name in networks
    }
