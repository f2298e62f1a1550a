"""What is kept of failover between runs: the evictions of a stack, and since when each cluster answers.

They are two files in the fleet's directory. Evictions decide what is in clusters: they are written with the stack
locked, and a damaged file is refused, since without it shares would move back at once. What was seen of clusters is
written by every look; a damaged file counts as none, so that every wait starts again and nothing moves too early.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.federation.failover import placed_by, tenable
from meshfleet.federation.reachability import Reachability
from meshfleet.files import read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.topology.fleet import Evictions, Fleet
from meshfleet.workspace.home import Workspace

VERSION: Final = 1
_ADVICE: Final = "remove that file, after which `meshfleet up` places everything as the stack file declares it"


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


def with_evictions(fleet: Fleet, workspace: Workspace) -> Fleet:
    """The fleet with the evictions that are kept, as far as what the stack file says now allows them.

    Raises FileError for a record that cannot be read; it is read where a propagation has `failover`.
    """
    if not any(one.failover for one in fleet.propagations.values()):
        return fleet
    kept = read_kept(workspace)
    if not kept.evictions and kept.before is None:
        return fleet
    before = None if kept.before is None else _declared(fleet, kept.before)
    wanted = _declared(fleet, kept.evictions)
    return placed_by(fleet, tenable(placed_by(fleet, wanted), wanted).evictions, before)


def _declared(fleet: Fleet, evictions: Evictions) -> Evictions:
    """Those of propagations and clusters that the stack file has, and that it lets fail over."""
    found = {
        name: {cluster: since for cluster, since in clusters.items() if cluster in fleet.clusters}
        for name, clusters in evictions.items()
        if name in fleet.propagations and fleet.propagations[name].failover
    }
    return {name: clusters for name, clusters in found.items() if clusters}


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
