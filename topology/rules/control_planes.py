"""Who may serve whom.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from collections.abc import Iterator

from topology.cluster import Cluster
from topology.draft import Draft
from topology.faults import Fault

EXTERNAL = "https://istio.io/latest/docs/setup/install/external-controlplane/"
MODELS = "https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models"


def control_planes(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster served by itself, by one that serves nobody, or across meshes the wrong way."""
    for name, cluster in draft.clusters.items():
        plane = cluster.control_plane
        serving = draft.clusters.get(plane.of)
        if plane.kind == "own" or serving is None:
            continue
        path = f"clusters.{name}.controlPlane.{plane.kind}"
        if plane.of == name:
            yield Fault(path, f"{name!r} cannot be served by itself; use own")
            continue
        yield from _served(draft, path, name, cluster, serving)
        yield from _reachable(path, name, cluster, serving)


def _served(draft: Draft, path: str, name: str, cluster: Cluster, serving: Cluster) -> Iterator[Fault]:
    plane = cluster.control_plane
    meshes = (draft.mesh_of(cluster), draft.mesh_of(serving))
    known = set(meshes) <= set(draft.names["meshes"])
    if plane.kind == "remote":
        if serving.control_plane.kind == "remote":
            yield Fault(
                path,
                f"{plane.of!r} is itself remote and runs no control plane; name a cluster whose controlPlane is own, "
                f"or external ({MODELS})",
            )
        if known and meshes[0] != meshes[1]:
            yield Fault(
                path,
                f"{plane.of!r} belongs to the mesh {meshes[1]!r} and {name!r} to {meshes[0]!r}; "
                "a control plane serves one mesh",
            )
        return
    if serving.control_plane.kind != "own":
        yield Fault(
            path,
            f"{plane.of!r} is itself {serving.control_plane.kind}; the cluster that hosts an external control plane "
            f"needs one of its own for the gateway in front of it, so name a cluster whose controlPlane is own "
            f"({EXTERNAL})",
        )
    if known and meshes[0] == meshes[1]:
        yield Fault(
            path,
            f"{plane.of!r} belongs to the mesh {meshes[0]!r} that it would serve; the cluster that hosts an external "
            f"control plane stays outside of that mesh, give it a mesh of its own, or use {{remote: {plane.of}}} "
            f"({EXTERNAL})",
        )


def _reachable(path: str, name: str, cluster: Cluster, serving: Cluster) -> Iterator[Fault]:
    if cluster.simulated == serving.simulated:
        return
    here, there = (name, cluster.control_plane.of) if cluster.simulated else (cluster.control_plane.of, name)
    yield Fault(
        path,
        f"the pods of {here!r} are simulated and those of {there!r} are real; an istiod that is a process on this "
        "machine cannot serve real pods, nor the other way round, so let both be simulated or both real",
    )
