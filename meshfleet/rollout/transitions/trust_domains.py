"""A mesh keeps its trust domain.

Source: https://istio.io/latest/docs/tasks/security/authorization/authz-td-migration/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet


def trust_domains(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each mesh whose trust domain would change, and with it every identity in it."""
    for name, mesh in fleet.meshes.items():
        before = deployed.trust_domains.get(name)
        if before and before != mesh.trust_domain:
            yield Fault(
                f"meshes.{name}.trustDomain",
                f"{shown(mesh.trust_domain)}, but the mesh runs with {shown(before)}, which is part of "
                "every identity in it; declare a new mesh with clusters of its own and move there, or destroy the "
                "stack and bring it up again",
            )
