"""What additions make different in control planes of one mesh, where it has to be the same. Pure.

Control planes of a mesh that came to differ are a known way to break it: https://github.com/istio/istio/issues/33253
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshfleet.manifests.objects import Object, Release, written
from meshfleet.manifests.section import Document
from meshfleet.topology import Fault, Fleet
from meshfleet.topology.owned_paths import Path, entries_of, spelled

# What is the same in every control plane of a mesh, beside the mesh configuration: objects of the root namespace.
_OF_MESH = ("peer-authentication", "telemetry", "outlier-detection")


def differing_in_a_mesh(
    fleet: Fleet, plans: Mapping[str, list[Document]], final: Mapping[str, Mapping[str, Object]]
) -> Iterator[Fault]:
    """Control planes of a mesh that come to differ in its configuration (https://github.com/istio/istio/issues/33253)."""
    own = {cluster: {one.name: written(one.body) for one in plan} for cluster, plan in plans.items()}
    for mesh in fleet.meshes:
        first, *others = fleet.primaries_of(mesh) or ("",)
        for cluster in others:
            for name in _shared(plans[first]):
                # Some differ by themselves, as where proxies find their istiod.
                differing = _differences(name, final[first], final[cluster]) - _differences(
                    name, own[first], own[cluster]
                )
                if differing:
                    yield Fault(
                        f"clusters.{cluster}",
                        f"{spelled(min(differing))} of {name} is not what it is in {first}, a cluster of the mesh "
                        f"{mesh} too; the configuration of a mesh is the same in all of its control planes: give each "
                        "of its clusters the same, or use istio.values or additions for all",
                    )


def _differences(name: str, one: Mapping[str, Object], other: Mapping[str, Object]) -> set[Path]:
    mine, theirs = (dict(_flat(_configuration(documents.get(name, {})))) for documents in (one, other))
    return {path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path)}


def _shared(plan: list[Document]) -> list[str]:
    return [
        document.name
        for document in plan
        if document.name in _OF_MESH or (document.name.startswith("istiod") and isinstance(document.body, Release))
    ]


def _configuration(document: Object) -> Any:
    """What of a document is of the whole mesh."""
    return document["values"].get("meshConfig", {}) if "release" in document else document.get("spec", {})


def _flat(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    inside = entries_of(value)
    if not inside:
        yield path, repr(value)
    for key, inner in inside.items():
        yield from _flat(inner, (*path, key))
