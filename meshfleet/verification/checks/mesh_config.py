"""Every istiod of a mesh has the same mesh configuration, with the settings that the stack declares.

Source: /debug/mesh and /debug/configz, pilot/pkg/xds/debug.go. Diverging primaries are the subject of
https://github.com/istio/istio/issues/33253.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshfleet.redaction.shown import shown
from meshfleet.verification import istiod
from meshfleet.verification.access import each_istiod, istiod_access
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
"""Settings that differ by cluster: discovery address, cluster ID, network and root namespace."""

OMITTED = frozenset({"REGISTRY_ONLY"})
"""Values that protobuf omits from its JSON, as they are the first (default) of their enum."""

WHOLE = ("serviceSettings", "discoverySelectors")
"""Lists that the stack declares as a whole: an entry more changes which Services and namespaces a mesh shares."""

SHOWN = 3
"""Maximum number of differences in a finding; the others are counted."""


class MeshConfig(Check):
    """Reads `/debug/mesh` from every istiod and the first of its mesh, and `/debug/configz` if objects are declared.

    Each is compared with the first, so that the number of requests is linear in the number of clusters.
    """

    name = "mesh-config"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        access = istiod_access(fleet, cluster)
        pages = access.pages("mesh", timeout)
        first = next(primary for primary in fleet.primaries() if primary.mesh == cluster.mesh)
        compared = pages if first is cluster else istiod_access(fleet, first).pages("mesh", timeout)
        others = istiod.mesh_config(compared[0].value)
        namespace = cluster.control_plane.namespace
        declared = fleet.mesh(cluster.mesh).objects
        objects: Objects = {}
        if declared:
            configured = [istiod.root_objects(page.value, namespace) for page in access.pages("configz", timeout)]
            # Of several istiods only what all of them have.
            common = set(configured[0]).intersection(*configured)
            objects = {key: value for key, value in configured[0].items() if key in common}
        return each_istiod(pages, istiod.mesh_config, lambda own: judge(fleet, cluster, own, objects, first, others))


def judge(
    fleet: FleetView,
    cluster: ClusterView,
    own: Mapping[str, Any],
    objects: Objects,
    first: ClusterView,
    others: Mapping[str, Any],
) -> Finding:
    """Whether the configuration `own` of `cluster` equals that of `first` and includes what is declared."""
    mesh = fleet.mesh(cluster.mesh)
    differing = [
        *_differences(own, cluster.name, others, first.name),
        *_missing(flat(mesh.mesh_config), flat(own), "the mesh configuration"),
        *_undeclared(mesh.mesh_config, own),
    ]
    missing: list[str] = []
    for declared in mesh.objects:
        what = f"{declared.kind} {declared.name}"
        found = objects.get((declared.kind, declared.name))
        missing += [f"{what} is missing"] if found is None else _missing(flat(declared.spec), flat(found), what)
    if differing or missing:
        faults = _listed([*differing, *missing])
        return Finding(False, f"the istiod of {cluster.name}: {faults}. {_advice(cluster, bool(differing))}")
    settings = [*sorted(mesh.mesh_config), *(declared.kind for declared in mesh.objects)]
    same = f", the same as that of {first.name}" if first.name != cluster.name else ""
    return Finding(
        True,
        f"the istiod of {cluster.name} has the configuration of mesh {mesh.name}{same}"
        + (f", including the declared {', '.join(settings)}" if settings else ""),
    )


def flat(value: Any, path: str = "") -> Flat:
    """Flatten a tree to paths. A list entry is identified by its `name` if it has one, else by its position."""
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
        if reported.get(path) != value and not (path not in reported and value in OMITTED):
            yield f"{path} of {where} is {_value(reported, path)}, the stack declares {shown(value)}"


def _undeclared(declared: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    for name in WHOLE:
        known = flat({name: declared.get(name, [])})
        for path, value in flat({name: own.get(name, [])}).items():
            if path not in known and path != name:
                yield f"{path} of the mesh configuration is {shown(value)}, the stack declares none"


def _listed(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return f"{'; '.join(faults[:SHOWN])}{more}"


def _advice(cluster: ClusterView, of_release: bool) -> str:
    if not of_release:
        return "Run `meshfleet up --refresh`"
    revision = cluster.control_plane.revision
    suffix = "" if revision == "default" else f"-{revision}"
    # The content of a release is compared by Helm; a refresh does not detect the change.
    return (
        f"Run `meshfleet up`; where the ConfigMap istio{suffix} of {cluster.name} was changed by hand, "
        f"`helm rollback istiod{suffix} REVISION` restores it"
    )


def _value(values: Flat, path: str) -> str:
    return shown(values[path]) if path in values else "not set"
