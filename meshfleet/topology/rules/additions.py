"""Additions of the user leave alone what the fleet owns, whatever they would put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshfleet.errors.faults import Fault
from meshfleet.topology.additions import Additions, Patch, steps
from meshfleet.topology.draft import Draft
from meshfleet.topology.owned import ANNOTATIONS, LABELS, OBJECTS, VALUES, refusal, section_of
from meshfleet.topology.owned_karmada import KARMADA, KARMADA_VALUES
from meshfleet.topology.owned_paths import Owned, Path, Table, spelled

_LABELS = Table(*(Owned((key,), owner) for key, owner in LABELS.items()))
_ANNOTATIONS = Table(*(Owned((key,), owner) for key, owner in ANNOTATIONS.items()))


def additions(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each value, label, annotation and step of a patch that is for a field which the fleet owns.

    What a patch does to fields above it is seen only in the documents (manifests/addition_faults.py).
    """
    yield from _values("istio.values", draft.istio.values)
    yield from _of("additions", draft.additions)
    for name, cluster in draft.clusters.items():
        yield from _values(f"clusters.{name}.istio.values", cluster.istio.values)
        yield from _of(f"clusters.{name}.additions", cluster.additions)


def _values(path: str, values: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for chart, given in values.items():
        for place, owner in _owned(KARMADA_VALUES if chart in KARMADA else VALUES, given):
            yield _fault(f"{path}.{chart}.{spelled(place)}", owner)


def _of(path: str, added: Additions) -> Iterator[Fault]:
    for what, given, table in (("labels", added.labels, _LABELS), ("annotations", added.annotations, _ANNOTATIONS)):
        for place, owner in _owned(table, given):
            yield _fault(f"{path}.{what}.{spelled(place)}", owner)
    for position, patch in enumerate(added.patches):
        yield from _patch(f"{path}.patches[{position}]", patch)


def _patch(path: str, patch: Patch) -> Iterator[Fault]:
    if patch.merge is not None:
        for prefix, table, inside in _tables(patch.merge):
            for place, owner in _owned(table, inside):
                yield _fault(f"{path}.merge.{spelled((*prefix, *place))}", owner, document=patch.document)
    for number, operation in enumerate(patch.operations or ()):
        pointers = [operation.path] if operation.op != "test" else []
        pointers += [operation.origin] if operation.op == "move" and operation.origin else []
        for pointer in pointers:
            if owned := _named(tuple(steps(pointer))):
                yield _fault(f"{path}.json[{number}]", owned.owner, pointer, patch.document)


def _tables(merge: Mapping[str, Any]) -> Iterator[tuple[Path, Table, Any]]:
    """The table for an object, and that for the values of a release; which of them it is, only its document says."""
    yield (), OBJECTS, {key: value for key, value in merge.items() if key != "values"}
    yield ("values",), VALUES, merge.get("values")


def _named(path: Path) -> Owned | None:
    return VALUES.within(path[1:]) if path[:1] == ("values",) else OBJECTS.within(path)


def _owned(table: Table, given: Any) -> Iterator[tuple[Path, str]]:
    yield from ((place, owner) for place, (owner, _) in table.found_in(given).items())


def _fault(path: str, owner: str, pointer: str = "", document: str = "") -> Fault:
    return Fault(path, f"{pointer} {refusal(owner, section_of(document))}".lstrip())
