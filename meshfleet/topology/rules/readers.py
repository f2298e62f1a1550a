"""Who may discover a cluster: control planes of its own mesh, and always the one that serves it.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#endpoint-discovery-with-multiple-control-planes
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft


def readers(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each entry of `readBy` that no control plane of the mesh can be, and for a primary left out."""
    for name, cluster in draft.clusters.items():
        read_by = cluster.discovery.read_by
        if read_by is None:
            continue
        path = f"clusters.{name}.discovery.readBy"
        allowed = ", ".join(_allowed(draft, name, cluster)) or "none"
        for position, reader in enumerate(read_by):
            twice = "is given twice; name each cluster once" if reader in read_by[:position] else ""
            if fault := _fault(draft, name, cluster, reader) or twice:
                yield Fault(f"{path}[{position}]", f"{shown(reader)} {fault}; allowed are {allowed}")
        primary = draft.primary_of(name)
        if primary not in (name, *read_by) and primary in _allowed(draft, name, cluster):
            yield Fault(
                path,
                f"leaves out {primary!r}, whose control plane serves {name!r} and has to discover it; "
                f"write [{', '.join([primary, *read_by])}]",
            )


def _allowed(draft: Draft, name: str, cluster: Cluster) -> list[str]:
    mesh = draft.mesh_of(cluster)
    return [
        other
        for other in draft.names["clusters"]
        if other != name and ((one := draft.clusters.get(other)) is None or _has_control_plane(draft, one, mesh))
    ]


def _has_control_plane(draft: Draft, cluster: Cluster, mesh: str) -> bool:
    return cluster.control_plane.kind != "remote" and draft.mesh_of(cluster) == mesh


def _fault(draft: Draft, name: str, cluster: Cluster, reader: str) -> str:
    if reader == name:
        return "is the cluster itself, which the control plane that serves it always discovers"
    if reader not in draft.names["clusters"]:
        return "is no cluster of the fleet"
    other = draft.clusters.get(reader)
    meshes = draft.names["meshes"]
    if other is None or draft.mesh_of(cluster) not in meshes or draft.mesh_of(other) not in meshes:
        # What cannot be read, or names no mesh, is a fault of its own.
        return ""
    if draft.mesh_of(other) != draft.mesh_of(cluster):
        return f"belongs to the mesh {draft.mesh_of(other)!r}, and {name!r} to {draft.mesh_of(cluster)!r}"
    if other.control_plane.kind == "remote":
        return f"has no control plane of its own, since it is a remote of {shown(other.control_plane.of)}"
    return ""
