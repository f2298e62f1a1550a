"""The description of a fleet that is deployed, as far as transitions look at it: made from its configuration."""

from __future__ import annotations

from typing import Any

from meshfleet.topology import Fleet
from meshfleet.topology.gateways import ISTIOD_PORT, advertised_to

ASSIGNED = 31012
"""The node port of istiod that a cluster assigns."""


def istiod_port(fleet: Fleet, cluster: str) -> int:
    """The port of a gateway that leads to istiods."""
    gateway = fleet.clusters[cluster].east_west_gateway
    if gateway and gateway.advertised:
        return (advertised_to(gateway.advertised, "") or gateway.advertised[0]).istiod_port
    return ASSIGNED if gateway and gateway.type == "NodePort" else ISTIOD_PORT


def described(fleet: Fleet) -> dict[str, Any]:
    """As `components/description.py` writes it; tests/components holds the two together."""
    return {
        "stack": fleet.name,
        "clusters": [
            {
                "name": name,
                "provider": cluster.provider,
                "mesh": fleet.mesh_of(name),
                "network": cluster.network,
                "podCidr": str(cluster.pod_cidr) if cluster.pod_cidr else None,
                "serviceCidr": str(cluster.service_cidr) if cluster.service_cidr else None,
                "controlPlane": {
                    "kind": cluster.control_plane.kind,
                    "of": cluster.control_plane.of or name,
                    "revision": fleet.istio.revision,
                    "namespace": fleet.system_namespace(name),
                    "debugUrl": None,
                },
                "gateway": {"istiodPort": istiod_port(fleet, name)} if fleet.has_east_west_gateway(name) else None,
            }
            for name, cluster in fleet.clusters.items()
        ],
        "meshes": [{"name": name, "trustDomain": mesh.trust_domain} for name, mesh in fleet.meshes.items()],
    }
