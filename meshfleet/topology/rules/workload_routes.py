"""Which requests go to which version of a workload, and who may send any.

Sources: https://istio.io/latest/docs/reference/config/networking/virtual-service/ and
https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.rules.workloads import places_of
from meshfleet.topology.workload import Workload

WHOLE = 100
WAYPOINTS = "https://istio.io/latest/docs/ambient/usage/l7-features/"


def workload_routes(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each route to a version that is ambiguous or would not be applied, and for unknown callers."""
    for name, workload in draft.workloads.items():
        path = f"workloads.{name}"
        yield from _weights(f"{path}.versions", workload)
        yield from _headers(f"{path}.versions", workload)
        yield from _callers(draft, f"{path}.allowedCallers", workload)
        yield from _heeded(draft, path, workload)
        yield from _in_each_mesh(draft, path, workload)


def _weights(path: str, workload: Workload) -> Iterator[Fault]:
    versions = workload.versions
    if len(versions) == 1:
        for version, declared in versions.items():
            for key, given in (("weight", declared.weight is not None), ("headers", bool(declared.headers))):
                if given:
                    yield Fault(
                        f"{path}.{version}.{key}",
                        f"{shown(version)} is the only version and gets every request; leave it out, or add a version",
                    )
        return
    without = [version for version, declared in versions.items() if declared.weight is None]
    if workload.weighted and without:
        yield Fault(path, f"{', '.join(without)} without a weight; give all versions one, together {WHOLE}, or none")
    elif workload.weighted:
        total = sum(declared.weight or 0 for declared in versions.values())
        if total != WHOLE:
            yield Fault(path, f"the weights add up to {total}; together they are {WHOLE}")


def _headers(path: str, workload: Workload) -> Iterator[Fault]:
    first: dict[tuple[tuple[str, str], ...], str] = {}
    for version, declared in workload.versions.items():
        before = first.setdefault(tuple(sorted(declared.headers.items())), version)
        if declared.headers and before != version:
            yield Fault(
                f"{path}.{version}.headers",
                f"{shown(declared.headers)} also leads to {before!r}; a request goes to one version",
            )
    without = [version for version, declared in workload.versions.items() if not declared.headers]
    if len(workload.versions) > 1 and workload.routed and not workload.weighted and len(without) != 1:
        found = "no version is left" if not without else f"{', '.join(without)} are left"
        yield Fault(
            path,
            f"{found} for requests without those headers; give weights, or leave one version without headers",
        )


def _callers(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    known = (*draft.names["namespaces"], *draft.system_namespaces())
    for position, caller in enumerate(workload.allowed_callers):
        namespace = caller.partition("/")[0]
        if namespace not in known:
            yield Fault(
                f"{path}[{position}]", f"no namespace is named {shown(namespace)}; known are {', '.join(known)}"
            )
        if caller in workload.allowed_callers[:position]:
            yield Fault(f"{path}[{position}]", f"{shown(caller)} is given twice; name each caller once")


def _heeded(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    """Routes and policies are followed by proxies; ambient mode has those that understand HTTP in waypoints only."""
    namespace = draft.namespaces.get(workload.namespace)
    if namespace is None or not (workload.routed or workload.allowed_callers):
        return
    asked = " and ".join(
        what
        for what, given in (("weights or headers", workload.routed), ("allowedCallers", workload.allowed_callers))
        if given
    )
    if not namespace.injection:
        yield Fault(
            f"{path}.namespace",
            f"pods of the namespace {workload.namespace!r} are not in the mesh, and nothing there applies {asked}; "
            "set its injection: true",
        )
    ambient = [
        cluster
        for cluster in places_of(draft, workload)
        if cluster in draft.clusters and draft.clusters[cluster].data_plane == "ambient"
    ]
    if workload.routed and ambient and not namespace.waypoint:
        yield Fault(
            f"{path}.versions",
            f"in ambient mode, as in {', '.join(ambient)}, weights and headers are heeded by waypoints, and the "
            f"namespace {workload.namespace!r} has none; set its waypoint: true ({WAYPOINTS})",
        )


def _in_each_mesh(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    """Every control plane of a mesh gets the same: each has the namespace, and each mesh has the versions."""
    places = places_of(draft, workload)
    # Whatever is missing or unreadable is a fault of its own.
    if len(draft.clusters) != len(draft.names["clusters"]) or not set(places) <= set(draft.clusters):
        return
    if workload.namespace not in draft.namespaces:
        return
    homes = {name: draft.mesh_of(cluster) for name, cluster in draft.clusters.items()}
    running = {
        version: {homes[place] for place in declared.clusters or places if place in homes}
        for version, declared in workload.versions.items()
    }
    meshes = set().union(*running.values())
    if not meshes <= set(draft.names["meshes"]):
        return
    for version, inside in running.items():
        if workload.routed and (missing := sorted(meshes - inside)):
            yield Fault(
                f"{path}.versions.{version}",
                f"does not run in the mesh {', '.join(map(shown, missing))}, where requests would be sent to it; let "
                "it run in a cluster there, or declare a workload for each mesh",
            )
    namespace = draft.namespaces.get(workload.namespace)
    if namespace is None or not namespace.clusters or not (workload.routed or workload.allowed_callers):
        return
    absent = [
        name
        for name, cluster in draft.clusters.items()
        if homes[name] in meshes and cluster.control_plane.kind != "remote" and name not in namespace.clusters
    ]
    if absent:
        yield Fault(
            f"{path}.namespace",
            f"the namespace {workload.namespace!r} does not exist in {', '.join(absent)}, where a control plane of "
            "the mesh looks for routes and policies; add it to the clusters of the namespace",
        )
