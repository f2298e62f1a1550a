"""What an object is in one cluster: the overrides that select both, applied in order.

Source: https://karmada.io/docs/userguide/scheduling/override-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.changes import Change, changes
from meshfleet.federation.overrides.pod_templates import Object
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.overrides import ObjectSelector, Override
from meshfleet.topology.rules.propagated_objects import form_faults

ClusterSelected = Callable[[ClusterAffinity], bool]
"""Whether an affinity selects a cluster."""


@dataclass(frozen=True)
class Overridden:
    """An object as it is in a cluster, and the changes that made it so, such as `overrides[0].image[1]`.

    What no change touched is shared with the object that was given.
    """

    body: Object
    applied: tuple[str, ...] = ()


def overridden(
    body: Object, overrides: Sequence[Override], cluster_selected: ClusterSelected, place: str
) -> Overridden:
    """An object as it is in the cluster of `cluster_selected`; the object given is not changed.

    `place` is the propagation in the stack file, such as `propagations.shop`. An override whose `objects` names a kind
    must fit each of its objects; another one leaves alone those that have nothing of what it changes, except for
    patches (`fields`, `json`, `strategicMerge`), which must always fit. Raises DocumentError with the place of the
    change.
    """
    applied: list[str] = []
    made = body
    for position, override in enumerate(overrides):
        if not selects(override.objects, body) or not cluster_selected(override.target_clusters):
            continue
        for change in changes(f"overrides[{position}]", override):
            try:
                changed = applied_to(made, change, required=bool(override.objects.kind))
            except DocumentError as error:
                raise DocumentError(f"{place}.{change.path}: {named(body)}: {error}") from None
            if changed is not None:
                made = changed
                applied.append(change.path)
    return Overridden(made, tuple(applied))


def applied_to(body: Object, change: Change, *, required: bool) -> Object | None:
    """The object with one change; None where it has nothing of what is changed.

    Raises DocumentError where that is `required`, and for a change that does not fit, makes it another object, or one
    of no form that a cluster takes.
    """
    changed = change.apply(body)
    if changed is None and required and not change.optional:
        raise DocumentError(change.missing(body))
    if changed is not None:
        _require_same(body, changed)
        for fault in form_faults("", changed):
            raise DocumentError(f"{fault.path.lstrip('.')}: {fault.message}")
    return changed


def selects(selector: ObjectSelector, body: Object) -> bool:
    """Whether an object is selected, by all that the selector names."""
    if selector.kind and selector.kind != body["kind"]:
        return False
    if selector.name and selector.name != body["metadata"]["name"]:
        return False
    if selector.namespace and selector.namespace != body["metadata"].get("namespace"):
        return False
    return not selector.api_version or selector.api_version == body["apiVersion"]


def named(body: Object) -> str:
    """An object in a message."""
    namespace = body["metadata"].get("namespace")
    return f"{body['kind']} {body['metadata']['name']}" + (f" of {namespace}" if namespace else "")


def _require_same(before: Object, after: Object) -> None:
    """Raises DocumentError for another object than that which the propagation has, or for one that is none."""
    for field in ("apiVersion", "kind"):
        if after.get(field) != before[field]:
            raise DocumentError(f"changes {field}, which is {before[field]}; propagate another object instead")
    if "status" in after:
        raise DocumentError("sets status, which a cluster writes; leave it out")
    was, is_ = before["metadata"], after.get("metadata")
    if is_ is was:
        return
    if not isinstance(is_, Mapping):
        raise DocumentError("leaves no metadata; patch what is in it")
    for field in ("name", "namespace"):
        if is_.get(field) != was.get(field):
            there = shown(was[field]) if field in was else "not set"
            raise DocumentError(f"changes metadata.{field}, which is {there}; propagate another object instead")
    for field in ("labels", "annotations"):
        if is_.get(field) is not was.get(field):
            _require_texts(field, is_.get(field))


def _require_texts(field: str, entries: object) -> None:
    values = entries.values() if isinstance(entries, Mapping) else () if entries is None else (entries,)
    wrong = [value for value in values if not isinstance(value, str)]
    if wrong:
        raise DocumentError(f"metadata.{field}: must be a string, got {shown(wrong[0])}; put it in quotes")
