"""Every istiod of a mesh has the same mesh configuration, and in it what the stack declares.

Source: /debug/mesh and /debug/configz, pilot/pkg/xds/debug.go. Primaries that came to differ are
https://github.com/istio/istio/issues/33253.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshfleet.redaction.shown import shown
from meshfleet.verification import istiod
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView

Flat = dict[str, Any]
Objects = Mapping[tuple[str, str], Mapping[str, Any]]

PER_CLUSTER = frozenset(
    {
        "defaultConfig.discoveryAddress",
        "defaultConfig.proxyMetadata.ISTIO_META_CLUSTER_ID",
        "defaultConfig.proxyMetadata.ISTIO_META_NETWORK",
        "rootNamespace",
    }
)
"""What is rightly different: where a cluster's proxies find their istiod, where they are, and its namespace."""

UNSAID = frozenset({"REGISTRY_ONLY"})
"""Values that protobuf leaves out of its JSON, since each is the first of its kind."""

SHOWN = 3
"""Differences that an answer names; of more it says how many."""


class MeshConfig(Check):
    """Asks `/debug/mesh` of every istiod and of the first one of its mesh, `/debug/configz` where objects are declared.

    Each is compared with that one, so that the questions grow with the number of clusters and not its square.
    """

    name = "mesh-config"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        own = istiod.mesh_config(istiod.ask(cluster, "mesh", patience))
        first = next(primary for primary in fleet.primaries() if primary.mesh == cluster.mesh)
        others = own if first is cluster else istiod.mesh_config(istiod.ask(first, "mesh", patience))
        namespace = cluster.control_plane.namespace
        declared = fleet.mesh(cluster.mesh).objects
        objects = istiod.root_objects(istiod.ask(cluster, "configz", patience), namespace) if declared else {}
        return judge(fleet, cluster, own, objects, first, others)


def judge(
    fleet: FleetView,
    cluster: ClusterView,
    own: Mapping[str, Any],
    objects: Objects,
    first: ClusterView,
    others: Mapping[str, Any],
) -> Finding:
    """Whether the configuration `own` of `cluster` is that of `first`, and holds with `objects` what is declared."""
    mesh = fleet.mesh(cluster.mesh)
    differing = [
        *_differences(own, cluster.name, others, first.name),
        *_missing(flat(mesh.mesh_config), flat(own), "the mesh configuration"),
    ]
    lacking: list[str] = []
    for declared in mesh.objects:
        what = f"{declared.kind} {declared.name}"
        found = objects.get((declared.kind, declared.name))
        lacking += [f"{what} is missing"] if found is None else _missing(flat(declared.spec), flat(found), what)
    if differing or lacking:
        told = _listed([*differing, *lacking])
        return Finding(False, f"the istiod of {cluster.name}: {told}. {_advice(cluster, bool(differing))}")
    settings = [*sorted(mesh.mesh_config), *(declared.kind for declared in mesh.objects)]
    same = f", the same as that of {first.name}" if first.name != cluster.name else ""
    return Finding(
        True,
        f"the istiod of {cluster.name} has the configuration of mesh {mesh.name}{same}"
        + (f", with what is declared: {', '.join(settings)}" if settings else ""),
    )


def flat(value: Any, path: str = "") -> Flat:
    """A tree as paths to its leaves. An entry of a list goes by its `name` where it has one, else by its position."""
    found: Flat = {}
    for step, inner in _inside(value):
        found |= flat(inner, f"{path}.{step}" if path and not step.startswith("[") else f"{path}{step}")
    return found or ({path: value} if path else {})


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            name = inner.get("name") if isinstance(inner, Mapping) else None
            yield f"[{name or position}]", inner


def _differences(own: Mapping[str, Any], cluster: str, others: Mapping[str, Any], first: str) -> Iterator[str]:
    mine, theirs = flat(own), flat(others)
    for path in sorted({*mine, *theirs} - PER_CLUSTER):
        if mine.get(path) != theirs.get(path):
            yield f"{path} is {_value(mine, path)} in {cluster} and {_value(theirs, path)} in {first}"


def _missing(declared: Flat, reported: Flat, where: str) -> Iterator[str]:
    for path, value in declared.items():
        if reported.get(path) != value and not (path not in reported and value in UNSAID):
            yield f"{path} of {where} is {_value(reported, path)}, the stack says {shown(value)}"


def _listed(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return f"{'; '.join(faults[:SHOWN])}{more}"


def _advice(cluster: ClusterView, of_release: bool) -> str:
    if not of_release:
        return "Run `meshfleet up --refresh`"
    revision = cluster.control_plane.revision
    suffix = "" if revision == "default" else f"-{revision}"
    # What is inside a release is Helm's to compare; a refresh does not see it.
    return (
        f"Run `meshfleet up`; where the ConfigMap istio{suffix} of {cluster.name} was changed by hand, "
        f"`helm rollback istiod{suffix} REVISION` sets it right"
    )


def _value(values: Flat, path: str) -> str:
    return shown(values[path]) if path in values else "not set"
