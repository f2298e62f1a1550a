"""A mesh goes over to another root by rotation only, never at once.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/ and, for what makes another root,
plugins/meshfleet/root_certificate_authority.py
"""

from __future__ import annotations

from collections.abc import Iterator

from topology.faults import Fault
from topology.fleet import Fleet
from topology.shown import shown
from topology.transitions.deployed import Deployed


def roots(deployed: Deployed, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each mesh whose root would be replaced, while its workloads trust the old one alone."""
    for name, mesh in fleet.meshes.items():
        before = deployed.meshes.get(name)
        if before is None:
            continue
        for key, running, wanted in (
            ("algorithm", before.algorithm, mesh.trust.algorithm),
            ("organization", before.organization, mesh.trust.organization),
        ):
            if running and running != wanted:
                yield Fault(
                    f"meshes.{name}.trust.{key}",
                    f"{shown(wanted)}, but the root of the mesh was made with {shown(running)}; another root at once "
                    "would be trusted by nothing that runs: a rotation of the root, with both trusted meanwhile, is "
                    f"the way; until then keep {shown(running)}",
                )
