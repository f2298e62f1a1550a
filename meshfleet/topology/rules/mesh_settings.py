"""Settings of a mesh name what its clusters have."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft


def mesh_settings(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each region in a failover that no cluster of the mesh is in."""
    # While a cluster is unreadable its region is unknown.
    if len(draft.clusters) != len(draft.names["clusters"]):
        return
    for name, mesh in draft.meshes.items():
        if mesh.settings.locality is None:
            continue
        clusters = [cluster for cluster in draft.clusters.values() if draft.mesh_of(cluster) == name]
        regions = list(dict.fromkeys(cluster.region for cluster in clusters if cluster.region))
        for position, failover in enumerate(mesh.settings.locality.failover):
            for key, region in (("from", failover.origin), ("to", failover.to)):
                if region not in regions:
                    yield Fault(
                        f"meshes.{name}.settings.locality.failover[{position}].{key}",
                        f"no cluster of the mesh is in the region {shown(region)}; "
                        f"known are {', '.join(regions) or 'none'}",
                    )
