"""Writes the status, and drops clusters from one that is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from meshfleet.status.document import Status
from meshfleet.status.model import PENDING
from meshfleet.status.reading import faults_in
from meshfleet.status.version import VERSION


def write_status(fields: Mapping[str, Any], pending: type | tuple[type, ...] = ()) -> dict[str, Any]:
    """The document of these fields with its version, as plain data.

    Values of the types `pending` are not known yet and stay what they are. Raises ValueError, a fault of the program,
    for a field that is unknown, missing or of another type.
    """
    document = {"version": VERSION, **fields}
    try:
        return Status.model_validate(document, context={PENDING: pending}).document()
    except ValidationError as error:
        raise ValueError("; ".join(map(str, faults_in(Status, document, error)))) from error


def without_clusters(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The same recorded document of any version without these clusters; nothing else in it is looked at."""
    clusters = document.get("clusters")
    if not isinstance(clusters, list):
        return dict(document)
    kept = [entry for entry in clusters if not (isinstance(entry, Mapping) and entry.get("name") in names)]
    return {**document, "clusters": kept}
