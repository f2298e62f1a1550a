"""From a stack's configuration to a fleet, with the sources that it names: what commands and the program load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meshfleet import topology
from meshfleet.federation.definitions import definition_of
from meshfleet.sources.charts import chart
from meshfleet.sources.kustomizations import kustomization
from meshfleet.sources.manifest_files import manifests
from meshfleet.sources.project_tree import ProjectTree
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.contents import Content, Contents, Found, entry_path
from meshfleet.topology.propagation.kinds import DEFINITION, is_namespaced, mapping
from meshfleet.topology.propagation.propagation import SOURCES, PropagatedResource
from meshfleet.versions import EMBEDDED_KUBERNETES
from meshfleet.workspace.project_folder import project_folder


def load(name: str, config: Mapping[str, object], *, project: Path | None = None) -> Fleet:
    """The fleet that `config` describes, for the stack `name`, with what its propagations name in the project.

    `project` is the folder that paths begin at; that of this process when left out. Raises `TopologyError` with every
    fault, as `topology.load` does.
    """
    return topology.load(name, config, read_contents(config, project))


def read_contents(config: Mapping[str, object], project: Path | None = None) -> Contents:
    """What each source of the propagations of a configuration holds. What cannot be read is a fault in its place."""
    entries = list(_entries(config))
    if not entries:
        return {}
    tree = ProjectTree(project or project_folder().root)
    kubernetes = mapping(mapping(config).get("kubernetes")).get("version")
    version = kubernetes if isinstance(kubernetes, str) else EMBEDDED_KUBERNETES
    found = {
        (name, position): _content(tree, resource, version, entry_path(name, position, resource.source))
        for name, position, resource in entries
    }
    bodies = [mapping(mapping(raw).get("object")) for _, _, raw in _raw(config)]
    bodies += (one.body for content in found.values() for one in content.objects)
    cluster_wide = set(_cluster_wide(bodies))
    for name, position, resource in entries:
        if resource.chart is not None:
            found[name, position] = _in_namespace(found[name, position], resource.chart.namespace, cluster_wide)
    return found


def _raw(config: Mapping[str, object]) -> Iterator[tuple[str, int, object]]:
    for name, propagation in mapping(mapping(config).get("propagations")).items():
        resources = mapping(propagation).get("resources")
        for position, raw in enumerate(resources if isinstance(resources, list | tuple) else ()):
            yield str(name), position, raw


def _entries(config: Mapping[str, object]) -> Iterator[tuple[str, int, PropagatedResource]]:
    """The entries that name a source and can be read; the others are objects, or faults of the configuration."""
    for name, position, raw in _raw(config):
        if any(key in SOURCES for key in mapping(raw)):
            try:
                yield name, position, PropagatedResource.model_validate(raw)
            except ValidationError:
                continue


def _content(tree: ProjectTree, resource: PropagatedResource, kubernetes: str, path: str) -> Content:
    if resource.file is not None:
        made = manifests(tree, resource.file, path)
    elif resource.kustomize is not None:
        made = kustomization(tree, resource.kustomize, path)
    else:
        assert resource.chart is not None
        made = chart(tree, resource.chart, kubernetes, path)
    return Content(
        tuple(Found(one.place, _without_empty_time(one.body)) for one in made.objects), made.faults, made.notes
    )


def _without_empty_time(body: dict[str, Any]) -> dict[str, Any]:
    # Generators of definitions write `creationTimestamp: null`, which says nothing.
    described = body.get("metadata")
    if isinstance(described, Mapping) and described.get("creationTimestamp", "") is None:
        return body | {"metadata": {key: value for key, value in described.items() if key != "creationTimestamp"}}
    return body


def _cluster_wide(bodies: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Group and kind of custom resources that are in no namespace, by their definitions."""
    for body in bodies:
        if body.get("kind") == DEFINITION[1] and (defined := definition_of(body)) and defined.namespaced is False:
            yield defined.group, defined.kind


def _in_namespace(content: Content, namespace: str, cluster_wide: set[tuple[str, str]]) -> Content:
    """As Helm does: what is in a namespace and names none is in that of the release."""
    made: list[Found] = []
    for one in content.objects:
        described, version = one.body.get("metadata"), one.body.get("apiVersion")
        kind = (version.rpartition("/")[0], str(one.body.get("kind"))) if isinstance(version, str) else ("", "")
        inside = is_namespaced(*kind)
        inside = kind not in cluster_wide if inside is None else inside
        if inside and isinstance(described, Mapping) and not described.get("namespace"):
            made.append(Found(one.place, one.body | {"metadata": {**described, "namespace": namespace}}))
        else:
            made.append(one)
    return Content(tuple(made), content.faults, content.notes)
