"""Whether istiods of a mesh share between clusters what is exported alone, and serve the names of clusterset.local.

Source: ENABLE_MCS_SERVICE_DISCOVERY and ENABLE_MCS_HOST of pilot/pkg/features/experimental.go of istio/istio
"""

from __future__ import annotations

from meshfleet.federation.services import of_mesh
from meshfleet.topology import Fleet


def settings(fleet: Fleet, mesh: str) -> dict[str, str]:
    """Environment variables of the istiods of a mesh; none where no Service of it is federated."""
    if not fleet.multi_cluster_services or not of_mesh(fleet, mesh):
        return {}
    return {"ENABLE_MCS_SERVICE_DISCOVERY": "true", "ENABLE_MCS_HOST": "true"}
