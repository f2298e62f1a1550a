"""What is kept of failover between runs: the evictions of a stack, and since when each cluster answers.

They are two files in the fleet's directory. Evictions decide what is in clusters: what the state of the stack says of
them holds, wherever it was written (workspace/standing_evictions.py), and the file is a copy for what reads no state.
It is written with the stack locked, and a damaged one is refused, since what it says may be all that is known. What was
seen of clusters is written by every look; a damaged file counts as none, so that every wait starts again and nothing
moves too early.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.federation.reachability import Reachability
from meshfleet.files import read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.topology.fleet import Evictions
from meshfleet.workspace.home import Workspace

VERSION: Final = 1
_ADVICE: Final = "remove that file, after which `meshfleet up` keeps what the recorded state of the stack has elsewhere"


@dataclass(frozen=True)
class Kept:
    """The evictions of a stack. `before` are those of before a move that is under way, None where none is.

    `pending` are the clusters that still hold what a propagation has elsewhere by now: it is removed when they answer.
    """

    evictions: Evictions = field(default_factory=dict)
    before: Evictions | None = None
    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_kept(workspace: Workspace) -> Kept:
    """The evictions of a stack; none where nothing was ever evicted. Raises FileError."""
    path = _kept_file(workspace)
    document = read_record(path, _document, _ADVICE)
    if document is None:
        return Kept()
    _require_own(path, document, workspace)
    try:
        before = document["before"]
        return Kept(
            _evictions(document["evictions"]),
            None if before is None else _evictions(before),
            {str(name): tuple(map(str, clusters)) for name, clusters in document["pending"].items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(f"{path}: damaged ({type(error).__name__}); {_ADVICE}") from None


def write_kept(workspace: Workspace, kept: Kept) -> None:
    """Keep the evictions; requires the lock of the stack. Raises FileError."""
    path = _kept_file(workspace)
    if kept == Kept():
        remove_file(path)
        return
    _write(workspace, path, {"evictions": kept.evictions, "before": kept.before, "pending": dict(kept.pending)})


def read_looks(workspace: Workspace) -> dict[str, Reachability]:
    """What was seen of each cluster; nothing where that cannot be read. Raises FileError for a later version."""
    path = _looks_file(workspace)
    try:
        document = read_record(path, _document, "remove that file")
        if document is None or document.get("stack") != workspace.fleet:
            return {}
        return {str(name): _look(entry) for name, entry in document["clusters"].items()}
    except NewerFileError:
        raise
    except (FileError, KeyError, TypeError, AttributeError, ValueError):
        return {}


def write_looks(workspace: Workspace, looks: Mapping[str, Reachability]) -> None:
    """Keep what was seen of each cluster. Raises FileError."""
    found = {name: {"answers": one.answers, "since": one.since, "seen": one.seen} for name, one in looks.items()}
    _write(workspace, _looks_file(workspace), {"clusters": found})


def _kept_file(workspace: Workspace) -> Path:
    return workspace.directory / "failover.json"


def _looks_file(workspace: Workspace) -> Path:
    return workspace.directory / "reachability.json"


def _write(workspace: Workspace, path: Path, content: Mapping[str, Any]) -> None:
    workspace.claim()
    write_file(path, json.dumps({"version": VERSION, "stack": workspace.fleet, **content}, indent=2) + "\n")


def _document(text: str) -> dict[str, Any]:
    document = dict(parse_json(text))
    if int(document["version"]) > VERSION:
        raise NewerFileError(f"version {document['version']}, supported is {VERSION}")
    return document


def _require_own(path: Path, document: Mapping[str, Any], workspace: Workspace) -> None:
    if document.get("stack") != workspace.fleet:
        raise FileError(f"{path}: is of the stack {shown(document.get('stack'))}; {_ADVICE}")


def _evictions(value: Any) -> Evictions:
    return {str(name): {str(one): str(since) for one, since in clusters.items()} for name, clusters in value.items()}


def _look(entry: Mapping[str, Any]) -> Reachability:
    if not isinstance(entry["answers"], bool):
        raise TypeError("no truth value")
    return Reachability(entry["answers"], float(entry["since"]), float(entry["seen"]))
