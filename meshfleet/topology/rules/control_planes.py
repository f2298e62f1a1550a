"""Who may serve whom.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.providers.registry import BUILT
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.discovery import discovers
from meshfleet.topology.draft import Draft

EXTERNAL = "https://istio.io/latest/docs/setup/install/external-controlplane/"
MODELS = "https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models"


def control_planes(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster served by itself, by a cluster that serves no other, or across meshes.

    And for each control plane whose peers, or what it serves, would be out of its reach.
    """
    for mesh in draft.names["meshes"]:
        members = {name: cluster for name, cluster in draft.clusters.items() if draft.mesh_of(cluster) == mesh}
        yield from _alone(mesh, members)
        yield from _read_from_pods(draft, members)
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
                f"a control plane serves one mesh ({MODELS})",
            )
        return
    if serving.control_plane.kind != "own":
        yield Fault(
            path,
            f"{plane.of!r} is itself {serving.control_plane.kind}; the cluster that hosts an external control plane "
            f"needs one of its own for the gateway in front of it, so name a cluster whose controlPlane is own "
            f"({EXTERNAL})",
        )
    if serving.data_plane == "ambient":
        yield Fault(
            path,
            f"{plane.of!r} is ambient, and its gateway takes nothing but HBONE; the cluster that hosts an external "
            f"control plane needs a gateway that leads to it, so let {plane.of!r} be sidecar ({EXTERNAL})",
        )
    if known and meshes[0] == meshes[1]:
        yield Fault(
            path,
            f"{plane.of!r} belongs to the mesh {meshes[0]!r} that it would serve; the cluster that hosts an external "
            f"control plane stays outside of that mesh, give it a mesh of its own, or use {{remote: {plane.of}}} "
            f"({EXTERNAL})",
        )


def _alone(mesh: str, members: dict[str, Cluster]) -> Iterator[Fault]:
    """An external control plane has a namespace of its own, the same in every cluster it reads.

    In another control plane's clusters it would find no such namespace, and so neither their network nor their mesh
    configuration (pilot/pkg/serviceregistry/kube/controller/network.go; istio/istio #32147).
    """
    planes = [name for name, cluster in members.items() if cluster.control_plane.kind != "remote"]
    for name in planes:
        plane = members[name].control_plane
        # A host in the mesh that it serves is a fault of its own.
        others = [other for other in planes if other not in (name, plane.of)]
        if plane.kind == "external" and others:
            yield Fault(
                f"clusters.{name}.controlPlane.external",
                f"{', '.join(map(repr, others))} in the mesh {mesh!r} has another control plane; an external one has a "
                f"namespace of its own and reads no network of clusters without it, so let it be the only one of its "
                f"mesh and the others {{remote: {name}}} ({EXTERNAL})",
            )


def _read_from_pods(draft: Draft, members: dict[str, Cluster]) -> Iterator[Fault]:
    """An istiod in a pod reads the API servers of its mesh, and some are on loopback (#31081)."""
    real = [
        name
        for name, cluster in members.items()
        if cluster.provider in BUILT
        and cluster.capabilities.istiod_runtime == "pod"
        and cluster.control_plane.kind == "own"
    ]
    for name, cluster in members.items():
        serving = draft.clusters.get(cluster.control_plane.of)
        # One that real pods would serve is a fault of its own.
        served_here = serving is None or serving.capabilities.istiod_runtime == "process"
        readers = [reader for reader in real if discovers(reader, name, cluster.discovery.read_by)]
        if cluster.capabilities.api_server == "loopback" and readers and served_here:
            istiods = ", ".join(map(repr, readers))
            yield Fault(
                f"clusters.{name}.{cluster.provider}",
                f"its API server listens on this machine alone, and the istiod of {istiods} in the "
                f"same mesh runs in a pod, which cannot reach it; let all of them be on this machine or none",
            )


def _reachable(path: str, name: str, cluster: Cluster, serving: Cluster) -> Iterator[Fault]:
    process = cluster.capabilities.istiod_runtime == "process"
    if cluster.capabilities.istiod_runtime == serving.capabilities.istiod_runtime:
        return
    here, there = (name, cluster.control_plane.of) if process else (cluster.control_plane.of, name)
    yield Fault(
        path,
        f"the pods of {here!r} are simulated and those of {there!r} are real; an istiod that is a process on this "
        "machine cannot serve real pods, nor the other way round, so let both be simulated or both real",
    )
