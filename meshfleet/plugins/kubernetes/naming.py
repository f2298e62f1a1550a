"""Names: of an object whose program gave it none, and of objects as ids.

An object without `metadata.name` is called after its resource, with a suffix that the engine's random seed decides,
so that preview and run agree, and is marked by an annotation: its replacement may exist beside it.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from meshfleet.plugins.kubernetes.annotations import AUTONAMED, is_set
from meshfleet.plugins.kubernetes.values import JsonObject, Unknown, at
from meshfleet.plugins.protocol import CheckFailure


def with_name(
    inputs: JsonObject, old_inputs: JsonObject, resource_name: str, seed: bytes
) -> tuple[JsonObject, list[CheckFailure]]:
    """The inputs with a name: their own, the one given at an earlier run, or a new one."""
    metadata = inputs.get("metadata")
    if isinstance(metadata, Unknown) or (isinstance(metadata, dict) and metadata.get("name") is not None):
        return inputs, []
    if at(metadata, "generateName") is not None:
        reason = "not supported with server-side apply: set `name`, or neither to have one made from the resource's"
        return inputs, [CheckFailure("metadata.generateName", reason)]
    adopted = at(old_inputs, "metadata", "name") if is_set(old_inputs, AUTONAMED) else None
    suffix = hashlib.sha256(seed + resource_name.encode()).hexdigest()[:8]
    return _named(inputs, str(adopted or f"{resource_name}-{suffix}".lower())), []


def _named(inputs: JsonObject, name: str) -> JsonObject:
    named: JsonObject = copy.deepcopy(inputs)
    metadata: dict[str, Any] = named.setdefault("metadata", {}) or {}
    named["metadata"] = metadata
    metadata["name"] = name
    annotations = metadata.get("annotations")
    if not isinstance(annotations, Unknown):
        metadata["annotations"] = {**(annotations or {}), AUTONAMED: "true"}
    return named


def identifier(metadata: JsonObject) -> str:
    """The id of a live object: `namespace/name`, or `name` outside of namespaces."""
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def parse_identifier(text: str) -> tuple[str | None, str]:
    """The namespace (None for none) and the name of an id."""
    namespace, _, name = text.rpartition("/")
    return namespace or None, name


def is_autonamed(inputs: JsonObject) -> bool:
    """Whether the name was made here, so that a replacement gets another one."""
    return is_set(inputs, AUTONAMED)
