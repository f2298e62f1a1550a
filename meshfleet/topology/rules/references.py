"""Whatever names something else names something that is there."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft


def references(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each network, mesh or cluster that is named but not declared, or not used."""
    networks, meshes, clusters = (draft.names[section] for section in ("networks", "meshes", "clusters"))
    for name, cluster in draft.clusters.items():
        path = f"clusters.{name}"
        if cluster.network not in networks:
            yield Fault(f"{path}.network", _unknown("network", cluster.network, networks))
        if cluster.mesh and cluster.mesh not in meshes:
            yield Fault(f"{path}.mesh", _unknown("mesh", cluster.mesh, meshes))
        if not cluster.mesh and len(meshes) > 1:
            yield Fault(f"{path}.mesh", f"missing; the fleet has several meshes, name one of {', '.join(meshes)}")
        serving = cluster.control_plane.of
        if serving and serving not in clusters:
            yield Fault(f"{path}.controlPlane.{cluster.control_plane.kind}", _unknown("cluster", serving, clusters))
    for name, namespace in draft.namespaces.items():
        for position, cluster_name in enumerate(namespace.clusters):
            path = f"namespaces.{name}.clusters[{position}]"
            if cluster_name not in clusters:
                yield Fault(path, _unknown("cluster", cluster_name, clusters))
            elif cluster_name in namespace.clusters[:position]:
                yield Fault(path, f"{cluster_name!r} is given twice; name each cluster once")
    yield from _unused(draft)


def _unused(draft: Draft) -> Iterator[Fault]:
    # While a cluster is unreadable its network is unknown, so nothing can be called unused.
    if not draft.all_readable() or not draft.clusters:
        return
    meshes = {draft.mesh_of(cluster) for cluster in draft.clusters.values()}
    for mesh in _unnamed(draft.names["meshes"], meshes):
        yield Fault(f"meshes.{mesh}", "no cluster belongs to it; remove it or name it in a cluster's `mesh`")
    machines = (draft.machine_network(declared) for declared in draft.virtual_machines.values())
    networks = {cluster.network for cluster in draft.clusters.values()} | ({*machines} - {""})
    for network in _unnamed(draft.names["networks"], networks):
        yield Fault(
            f"networks.{network}",
            "no cluster is on it; remove it or name it in a cluster's `network`, or in that of virtual machines",
        )


def _unnamed(declared: tuple[str, ...], named: set[str]) -> list[str]:
    # A name that is missing or misspelt is a fault of its own, and probably meant one that now looks unused.
    return [name for name in declared if name not in named] if named <= set(declared) else []


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> str:
    return f"no {kind} is named {shown(name)}; known are {', '.join(known) or 'none'}"
