"""Who owns the fields of an object, before it is applied for the first time. Pure.

What is created by a plain POST belongs to the field manager `pulumi-kubernetes`, whose operation is an update. The
manager of the resource takes these fields over before it first applies, and those that kubectl set with them: a field
that it then no longer applies goes from the object. As the official provider does (fixCSAFieldManagers in
provider/pkg/await/await.go of pulumi/pulumi-kubernetes).
https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshfleet.plugins.kubernetes.values import JsonObject

CREATOR: Final = "pulumi-kubernetes"
# By the beginning of their names: `kubectl-edit`, `kubectl-patch` and so on are meant too.
_TAKEN_FROM: Final = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    (CREATOR, "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)


def taken_over(entries: list[JsonObject], manager: str) -> list[JsonObject] | None:
    """The managed fields once `manager` has those of their creator and of kubectl; None when it has them already."""
    theirs = [entry for entry in entries if is_taken(entry)]
    if not theirs:
        return None
    own = next((entry for entry in entries if _is_own(entry, manager)), None)
    fields: Any = {}
    for entry in (own, *theirs) if own else theirs:
        fields = _merged(fields, entry.get("fieldsV1") or {})
    # All but the name and the operation is that of the first.
    taken = {**(own or theirs[0]), "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [*(entry for entry in entries if not is_taken(entry) and entry is not own), taken]


def is_taken(entry: JsonObject) -> bool:
    """Whether the manager of a resource takes the fields of an entry over before it first applies."""
    # What is set of a subresource, such as the status, stays whose it is.
    return not entry.get("subresource") and any(
        str(entry.get("manager")).startswith(name) and entry.get("operation") == operation
        for name, operation in _TAKEN_FROM
    )


def _is_own(entry: JsonObject, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> JsonObject:
    return {**one, **{key: _merged(one.get(key) or {}, fields) for key, fields in other.items()}}
