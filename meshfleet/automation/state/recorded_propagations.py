"""The propagated objects that a stack's state has, by cluster and by document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.automation.state.recorded_state import Deployment, resources_of
from meshfleet.manifests.propagated_mark import Mark, mark_of


@dataclass(frozen=True)
class RecordedObject:
    """An object as it was brought to its cluster, with its mark."""

    mark: Mark
    body: Mapping[str, Any]


def recorded_propagations(deployment: Deployment) -> dict[str, dict[str, RecordedObject]]:
    """Cluster to document to object. Raises EngineError for a state that cannot be read."""
    found: dict[str, dict[str, RecordedObject]] = {}
    for cluster, document, one in _marked(deployment):
        found.setdefault(cluster, {})[document] = one
    return found


def _marked(deployment: Deployment) -> Iterator[tuple[str, str, RecordedObject]]:
    for resource in resources_of(deployment):
        # What is only there to be deleted has a successor.
        if resource.get("delete") or not resource["type"].startswith("kubernetes:"):
            continue
        inputs = resource.get("inputs") or {}
        if mark := mark_of(inputs):
            cluster, _, document = str(resource["urn"]).rpartition("::")[2].partition("/")
            yield cluster, document, RecordedObject(mark, inputs)
