"""Labels, annotations and the number of replicas of an object.

Source: https://karmada.io/docs/userguide/scheduling/override-policy/#labelsoverrider
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from meshfleet.federation.overrides.pod_templates import Object
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, kind_of

Field = Literal["labels", "annotations"]


def with_entries(body: Object, field: Field, entries: Mapping[str, str]) -> Object:
    """The object with labels or annotations set, in the place of those of the same key or after all others."""
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, field: {**(metadata.get(field) or {}), **entries}}}


def without_entry(body: Object, field: Field, key: str) -> Object | None:
    """The object without a label or an annotation; None where it has none of that key."""
    metadata = body["metadata"]
    there = metadata.get(field) or {}
    if key not in there:
        return None
    kept = {name: value for name, value in there.items() if name != key}
    return {**body, "metadata": {**metadata, field: kept}}


def replicas_field(body: Object) -> str | None:
    """The field of `spec` that says how many pods the object has; None for an object without."""
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return None
    own = REPLICA_FIELDS.get(kind_of(body))
    # Of custom resources it is `replicas`, where they have it.
    return own or ("replicas" if "replicas" in spec else None)


def with_replicas(body: Object, replicas: int) -> Object | None:
    """The object with another number of replicas, of a Job of parallel pods; None where it has none."""
    field = replicas_field(body)
    return None if field is None else {**body, "spec": {**body["spec"], field: replicas}}


def without_replicas(body: Object) -> str:
    """What an object has where it has no number of replicas, in words."""
    return f"{body['kind']} has no replicas; its spec holds {_keys(body.get('spec'))}"


def entries_there(body: Object, field: Field, key: str) -> str:
    """What an object has of labels or annotations where one is not there, in words."""
    return f"has no {field[:-1]} {shown(key)}; its {field} are {_keys(body['metadata'].get(field))}"


def _keys(value: object) -> str:
    return (", ".join(str(key) for key in value) if isinstance(value, Mapping) else "") or "none"
