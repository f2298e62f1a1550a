"""What a document with additions says other than the fleet does, and what no release or API server takes. Pure.

The same whichever way led there: documents are compared before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from meshfleet.errors.faults import from_validation
from meshfleet.manifests.objects import Chart, Object, Release
from meshfleet.manifests.section import Document
from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Additions
from meshfleet.topology.labels import LabelKey, LabelValue, checked_annotations
from meshfleet.topology.owned import FREE, OBJECTS, SECRETS, SECTION, VALUES, owner_of, refusal
from meshfleet.topology.owned_karmada import KARMADA_VALUES
from meshfleet.topology.owned_paths import ANY, Owned, Path, Table, entries_of, fits, spelled, within

# Of a release, as it is written, the user may change its values alone.
_OF_RELEASE = ("release", "namespace", "chart", "wait")
_LABELS: TypeAdapter[Any] = TypeAdapter(dict[LabelKey, LabelValue])
_ANNOTATIONS: TypeAdapter[Any] = TypeAdapter(Annotated[dict[LabelKey, str], AfterValidator(checked_annotations)])
_ADAPTERS = {
    **dict.fromkeys(("labels", "podLabels", "deploymentLabels"), _LABELS),
    **dict.fromkeys(("annotations", "podAnnotations", "serviceAnnotations"), _ANNOTATIONS),
}
# Helm and istiod take texts alone there.
_TEXTS = Table(Owned(("env", ANY), ""), Owned(("meshConfig", "defaultConfig", "proxyMetadata", ANY), ""))
_ABSENT = object()


def _table(document: Document) -> Table:
    if isinstance(document.body, Release):
        return KARMADA_VALUES if document.body.chart == Chart.KARMADA else VALUES
    return SECRETS if document.body["kind"] == "Secret" else OBJECTS


def contradictions(document: Document, before: Object, after: Object) -> list[str]:
    """Each path at which a document says other than the fleet does, with the field of the stack file that owns it."""
    release = isinstance(document.body, Release)
    named: list[tuple[Path, str]] = [
        ((key,), SECTION) for key in _OF_RELEASE if release and before[key] != after.get(key)
    ]
    base, changed = (before["values"], after.get("values")) if release else (before, after)
    prefix: Path = ("values",) if release else ()
    table = _table(document)
    one, other = table.found_in(base), table.found_in(changed)
    paths = dict.fromkeys(path for path in {**one, **other} if _there(one, path) != _there(other, path))
    for path in _lost((), base, changed):
        # Where a whole branch is gone, what the table names of it says more.
        if not any(within(path, one) for one in paths):
            paths[path] = None
    named += [((*prefix, *path), owner_of(table, path)) for path in paths]
    return [f"{spelled(path)} {refusal(owner, document.decided_by)}" for path, owner in named]


def _there(known: Mapping[Path, tuple[str, Any]], path: Path) -> Any:
    return known[path][1] if path in known else _ABSENT


def _lost(path: Path, before: Any, after: Any) -> Iterator[Path]:
    """The paths at which what the fleet has set is no more: a leaf that is another, an entry that is gone."""
    # Branches that no addition reached are the very same.
    if before is after or any(within(free, path) for free in FREE):
        return
    if isinstance(before, Mapping):
        if not isinstance(after, Mapping):
            yield path
            return
        for key, value in before.items():
            if key in after:
                yield from _lost((*path, str(key)), value, after[key])
            elif not any(fits(free, (*path, str(key))) for free in FREE):
                yield (*path, str(key))
    elif isinstance(before, list):
        if not isinstance(after, list):
            yield path
            return
        named = entries_of(before)
        mine = entries_of(after)
        for key, value in named.items():
            if not key.isdecimal() and key in mine:
                yield from _lost((*path, key), value, mine[key])
            elif not any(next(_lost((*path, key), value, one), None) is None for one in after):
                yield (*path, key)
    elif before != after or type(before) is not type(after):
        yield path


def wrong_values(document: Document, after: Object) -> Iterator[str]:
    """What a release is not given as it is written."""
    values = after.get("values")
    if not isinstance(document.body, Release) or not isinstance(values, Mapping):
        return
    if path := _null(values):
        yield f"values.{spelled(path)} is null, which no release is given; leave the key out"
    for path, (_, value) in _TEXTS.found_in(values).items():
        if not isinstance(value, str):
            yield f"values.{spelled(path)} is {shown(value)}, which is not a string; put it in quotes"


def wrong_labels(before: Any, after: Any, path: Path = ()) -> Iterator[str]:
    """What an API server refuses of labels and annotations, wherever an addition has changed them in a document."""
    known = entries_of(before)
    for key, inner in entries_of(after).items():
        place = (*path, key)
        if key in known and known[key] is inner:
            continue
        adapter = _ADAPTERS.get(key)
        # Of an object; among values a mapping of that name may hold others.
        certain = adapter and path[-1:] == ("metadata",)
        if certain and not isinstance(inner, Mapping):
            yield f"{spelled(place)} is {shown(inner)}, which is not a mapping"
        elif adapter and isinstance(inner, Mapping) and (certain or not _holds_mappings(inner)):
            try:
                adapter.validate_python(dict(inner))
            except ValidationError as error:
                yield f"{spelled(place)}: {from_validation('', error, Additions)[0].message}"
        else:
            yield from wrong_labels(known.get(key), inner, place)


def _holds_mappings(value: Mapping[str, Any]) -> bool:
    return any(isinstance(inner, Mapping) for inner in value.values())


def _null(value: Any, path: Path = ()) -> Path | None:
    for key, inner in entries_of(value).items():
        if inner is None:
            return (*path, key)
        if below := _null(inner, (*path, key)):
            return below
    return None
