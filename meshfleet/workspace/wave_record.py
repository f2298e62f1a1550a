"""What is kept of a wave that is under way: its clusters, and what they had before it where it is to be rolled back.

It is a file in the fleet's directory, written with the stack locked before the wave moves anything, and without the
wave once that is healthy or rolled back. So a run after a kill knows what has not been found healthy yet, and what to
go back to. A damaged file is refused: without it a half of a wave would count as what was there before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.workspace.home import Workspace

VERSION: Final = 1
_ADVICE: Final = "remove that file, after which a wave that was interrupted is not waited for, and not rolled back"
Bodies = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class WaveUnderWay:
    """The clusters of a wave, and what each had before it, by cluster and document; None where nothing is kept."""

    clusters: tuple[str, ...]
    before: Mapping[str, Bodies] | None = None


def read_waves(workspace: Workspace) -> dict[str, WaveUnderWay]:
    """The waves that are under way, by propagation. Raises FileError."""
    path = _file(workspace)
    document = read_record(path, _document, _ADVICE)
    if document is None:
        return {}
    if document.get("stack") != workspace.fleet:
        raise FileError(f"{path}: is of the stack {shown(document.get('stack'))}; {_ADVICE}")
    try:
        return {str(name): _wave(entry) for name, entry in document["waves"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(f"{path}: damaged ({type(error).__name__}); {_ADVICE}") from None


def write_waves(workspace: Workspace, waves: Mapping[str, WaveUnderWay]) -> None:
    """Keep the waves that are under way; requires the lock of the stack. Raises FileError."""
    path = _file(workspace)
    if not waves:
        remove_file(path)
        return
    workspace.claim()
    written = {name: {"clusters": list(one.clusters), "before": one.before} for name, one in waves.items()}
    write_file(path, json.dumps({"version": VERSION, "stack": workspace.fleet, "waves": written}, indent=2) + "\n")


def _file(workspace: Workspace) -> Path:
    return workspace.directory / "waves.json"


def _document(text: str) -> dict[str, Any]:
    document = dict(parse_json(text))
    if int(document["version"]) > VERSION:
        raise NewerFileError(f"version {document['version']}, supported is {VERSION}")
    return document


def _wave(entry: Mapping[str, Any]) -> WaveUnderWay:
    clusters, before = entry["clusters"], entry["before"]
    if not isinstance(clusters, list):
        raise TypeError("no list")
    if before is not None:
        before = {str(name): {str(one): dict(body) for one, body in there.items()} for name, there in before.items()}
    return WaveUnderWay(tuple(map(str, clusters)), before)
