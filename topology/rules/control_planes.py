"""Who may serve whom.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from collections.abc import Iterator

from topology.draft import Draft
from topology.faults import Fault


def control_planes(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster served by itself, by one that is itself served, or across meshes."""
    for name, cluster in draft.clusters.items():
        plane = cluster.control_plane
        serving = draft.clusters.get(plane.of)
        path = f"clusters.{name}.controlPlane.{plane.kind}"
        if plane.kind == "own" or serving is None:
            continue
        if plane.of == name:
            yield Fault(path, f"{name!r} cannot be served by itself; use own")
            continue
        if plane.kind == "remote" and serving.control_plane.kind != "own":
            yield Fault(
                path,
                f"{plane.of!r} is itself {serving.control_plane.kind} and runs no control plane; "
                "name a cluster whose controlPlane is own",
            )
        meshes = {draft.mesh_of(cluster), draft.mesh_of(serving)}
        if len(meshes) == 2 and meshes <= set(draft.names["meshes"]):
            yield Fault(
                path,
                f"{plane.of!r} belongs to the mesh {draft.mesh_of(serving)!r} and {name!r} to "
                f"{draft.mesh_of(cluster)!r}; a control plane serves one mesh",
            )
        if cluster.data_plane == "ambient":
            yield Fault(
                f"clusters.{name}.dataPlane",
                f"ambient is not supported with a {plane.kind} control plane; use sidecar, or "
                "controlPlane: own (https://istio.io/latest/docs/ambient/install/multicluster/)",
            )
