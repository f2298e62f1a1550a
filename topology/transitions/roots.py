"""A root keeps the key and the subject it was made with; a mesh gets other ones with another root, by rotation.

What another root takes is in topology/root_rotation.py; that a root that is there takes no notice of these two is in
components/trust.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from topology.faults import Fault
from topology.fleet import Fleet
from topology.shown import shown
from topology.transitions.deployed import Deployed


def roots(deployed: Deployed, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each mesh that asks for another kind of root and for no new one that could be of it."""
    for name, mesh in fleet.meshes.items():
        before, trust = deployed.meshes.get(name), mesh.trust
        if before is None or set(trust.roots) - before.roots:
            continue
        for key, running, wanted in (
            ("algorithm", before.algorithm, trust.algorithm),
            ("organization", before.organization, trust.organization),
        ):
            if running and running != wanted:
                yield Fault(
                    f"meshes.{name}.trust.{key}",
                    f"{shown(wanted)}, but {' and '.join(map(shown, trust.roots))} was made with {shown(running)} and "
                    "stays as it is; a rotation is the way: name a new root in `roots` in the same change, or keep "
                    f"{shown(running)}",
                )
