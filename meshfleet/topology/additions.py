"""What the fleet cannot express and its user adds: values of charts, labels, annotations, patches of documents.

Merged last, over everything the fleet makes; what would contradict the fleet is refused (topology/owned.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.labels import AnnotationKey, AnnotationValue, LabelKey, LabelValue, checked_annotations
from meshfleet.topology.model import Model
from meshfleet.topology.text import LONGEST, checked_line, checked_long_text

DEPTH = 64
"""So many levels may a value have."""
# Pulumi hands numbers on as IEEE 754 doubles, which are exact up to here.
_LARGEST = 2**53


def checked_tree(value: Any) -> Any:
    """A value as JSON has it: mappings with texts as keys, lists, texts, numbers, booleans.

    Whole numbers are integers, since Pulumi hands 1.0 on as 1. Raises ValueError in words for what would not arrive in
    a cluster as it was written.
    """
    try:
        return _usual(value, DEPTH)
    except ValueError:
        # What is wrong is told with its place, which most values need not have.
        return _checked(value, (), nulls=True)


def _usual(value: Any, levels: int) -> Any:
    """A value of which nothing is wrong, or out of the ordinary. Raises ValueError for any other."""
    kind = type(value)
    if kind is str:
        return value if value.isprintable() and len(value) <= LONGEST else checked_long_text(value)
    if kind is dict and levels:
        if not all(type(key) is str and key.isprintable() and len(key) <= LONGEST for key in value):
            raise ValueError
        return {key: _usual(inner, levels - 1) for key, inner in value.items()}
    if kind is list and levels:
        return [_usual(inner, levels - 1) for inner in value]
    if value is None or kind is bool or (kind is int and abs(value) <= _LARGEST):
        return value
    raise ValueError


def _checked(value: Any, path: tuple[str, ...], *, nulls: bool) -> Any:
    if len(path) > DEPTH:
        raise ValueError(f"is nested more than {DEPTH} levels deep")
    where = f"{'.'.join(path)}: " if path else ""
    if isinstance(value, dict):
        # Not by its truth: 0 is a key as well.
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise ValueError(f"{where}a key must be a string, got {shown(wrong[0])}; put it in quotes")
        return {checked_line(key): _checked(inner, (*path, key), nulls=nulls) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(inner, (*path, str(number)), nulls=nulls) for number, inner in enumerate(value)]
    if isinstance(value, str):
        return checked_long_text(value)
    if value is None and not nulls:
        raise ValueError(f"{where}null is given to no release; name the value that you want")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) <= _LARGEST:
        return int(value) if value == int(value) else value
    raise ValueError(f"{where}{shown(value)} cannot be passed on exactly; put it in quotes")


def _checked_values(value: dict[str, Any]) -> dict[str, Any]:
    return dict(_checked(value, (), nulls=False))


def _checked_pointer(value: str) -> str:
    # RFC 6901, section 3; `~` is followed by 0 or 1.
    escapes = value.replace("~0", "").replace("~1", "")
    if (value and not value.startswith("/")) or "~" in escapes:
        raise ValueError(
            f"{shown(value)} is not a JSON pointer; begin with '/', and write '/' within a name as ~1 and '~' as ~0"
        )
    return checked_line(value)


def _checked_document(value: str) -> str:
    if not value:
        raise ValueError("is empty; give the name of a document, such as istiod")
    return checked_line(value)


def _checked_release(value: str) -> str:
    if not value:
        raise ValueError("is empty; give the name of a chart or a release, such as istiod")
    return checked_line(value)


def steps(pointer: str) -> list[str]:
    """The steps of a JSON pointer (RFC 6901, section 4)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


Values = Annotated[dict[str, Any], AfterValidator(_checked_values)]
"""Helm values of one chart."""
Tree = Annotated[Any, AfterValidator(checked_tree)]
"""Any value that JSON has."""
MergePatch = Annotated[dict[str, Any], AfterValidator(checked_tree)]
Pointer = Annotated[str, AfterValidator(_checked_pointer)]
DocumentName = Annotated[str, AfterValidator(_checked_document)]
"""A document by its name in the files that `render` writes."""
Release = Annotated[str, AfterValidator(_checked_release)]
"""A chart by its name, or one of its releases by the name of its document."""
Annotations = Annotated[dict[AnnotationKey, AnnotationValue], AfterValidator(checked_annotations)]


class Operation(Model):
    """One step of a JSON patch.

    Source: https://www.rfc-editor.org/rfc/rfc6902#section-4
    """

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    """The operation."""
    path: Pointer
    """The target, as a JSON pointer such as `/spec/template/metadata`."""
    origin: Pointer | None = Field(default=None, alias="from")
    """Where `move` and `copy` take the value from."""
    value: Tree = None
    """The value of `add`, `replace` and `test`."""

    @model_validator(mode="after")
    def _complete(self) -> Operation:
        for key, field, ops in (("value", "value", ("add", "replace", "test")), ("from", "origin", ("move", "copy"))):
            given = field in self.model_fields_set
            if given != (self.op in ops):
                raise ValueError(f"{self.op} {'takes no' if given else 'needs a'} {key}")
        return self

    def as_json(self) -> dict[str, Any]:
        """The operation as RFC 6902 writes it."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Patch(Model):
    """A patch of one document, by its name in the output of `render`.

    Exactly one of `json` and `merge`. The document is what `render` writes: an object, or a release, of which `values`
    can be changed.

    Source: https://www.rfc-editor.org/rfc/rfc6902
    Source: https://www.rfc-editor.org/rfc/rfc7386
    """

    document: DocumentName
    """The document's name: of `03-control-plane-istiod.yaml` it is `istiod`."""
    operations: Annotated[tuple[Operation, ...] | None, Field(strict=False, alias="json")] = None
    """A JSON patch: its steps in order."""
    merge: MergePatch | None = None
    """A merge patch: its values replace those of the document, and `null` removes them."""

    @model_validator(mode="after")
    def _one_kind(self) -> Patch:
        if (self.operations is None) == (self.merge is None):
            found = "has no patch" if self.merge is None else "has two patches"
            raise ValueError(f"{found}; give exactly one of json, merge")
        return self


class Additions(Model):
    """Additions to the objects of the fleet, merged last. Changes of fields that the fleet owns are refused."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels for every object; for objects of charts use the values of the chart."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations for every object; for objects of charts use the values of the chart."""
    patches: Annotated[tuple[Patch, ...], Field(strict=False)] = ()
    """Patches of named documents, in order."""


class ClusterIstio(Model):
    """Settings of Istio for a single cluster."""

    values: dict[Release, Values] = Field(default_factory=dict)
    """Helm values by chart, or by the document of a release; over those of `istio.values`."""
