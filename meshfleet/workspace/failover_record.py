"""What is kept of failover between runs: the evictions of a stack, and since when each cluster responds.

They are two files in the fleet's directory. Evictions decide what is in clusters: what the state of the stack says of
them holds, wherever it was written (workspace/standing_evictions.py), and the file is a copy for what reads no state.
It is written with the stack locked, and a damaged one is refused, since what it says may be all that is known. What was
seen of clusters is written by every look; a damaged file counts as none, so that every wait starts again and nothing
moves too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.federation.reachability import Reachability
from meshfleet.files import read_record, remove_file
from meshfleet.topology.fleet import Evictions
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.owned_record import document_in, mapping, require_own, text, texts, write_owned

_ADVICE: Final = "remove that file, after which `meshfleet up` keeps what the recorded state of the stack has elsewhere"

_LATEST: Final = 253_402_300_799.0
"""The last second of the year 9999, as a time in words has it."""


@dataclass(frozen=True)
class Kept:
    """The evictions of a stack. `before` are those of before a move that is under way, None where none is.

    `pending` are the clusters that still hold what a propagation has elsewhere by now: it is removed when they respond.
    """

    evictions: Evictions = field(default_factory=dict)
    before: Evictions | None = None
    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_kept(workspace: Workspace) -> Kept:
    """The evictions of a stack; none where nothing was ever evicted. Raises FileError."""
    path = _kept_file(workspace)
    document = read_record(path, document_in, _ADVICE)
    if document is None:
        return Kept()
    require_own(path, document, workspace, _ADVICE)
    try:
        before = document["before"]
        return Kept(
            _evictions(document["evictions"]),
            None if before is None else _evictions(before),
            {text(name): texts(clusters) for name, clusters in mapping(document["pending"]).items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path}: damaged ({type(error).__name__}); {_ADVICE}") from None


def write_kept(workspace: Workspace, kept: Kept) -> None:
    """Keep the evictions; requires the lock of the stack. Raises FileError."""
    path = _kept_file(workspace)
    if kept == Kept():
        remove_file(path)
        return
    write_owned(workspace, path, {"evictions": kept.evictions, "before": kept.before, "pending": dict(kept.pending)})


def read_looks(workspace: Workspace) -> dict[str, Reachability]:
    """What was seen of each cluster; nothing where that cannot be read. Raises FileError for a later version."""
    path = _looks_file(workspace)
    try:
        document = read_record(path, document_in, "remove that file")
        if document is None or document.get("stack") != workspace.fleet:
            return {}
        return {text(name): _look(entry) for name, entry in mapping(document["clusters"]).items()}
    except NewerFileError:
        raise
    except (FileError, KeyError, TypeError, ValueError):
        return {}


def write_looks(workspace: Workspace, looks: Mapping[str, Reachability]) -> None:
    """Keep what was seen of each cluster. Raises FileError."""
    found = {name: {"answers": one.answers, "since": one.since, "seen": one.seen} for name, one in looks.items()}
    write_owned(workspace, _looks_file(workspace), {"clusters": found})


def _kept_file(workspace: Workspace) -> Path:
    return workspace.directory / "failover.json"


def _looks_file(workspace: Workspace) -> Path:
    return workspace.directory / "reachability.json"


def _evictions(value: Any) -> Evictions:
    return {
        text(name): {text(one): text(since) for one, since in mapping(clusters).items()}
        for name, clusters in mapping(value).items()
    }


def _look(entry: Any) -> Reachability:
    answers, since, seen = (mapping(entry)[key] for key in ("answers", "since", "seen"))
    if not isinstance(answers, bool):
        raise TypeError("no truth value")
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (since, seen)):
        raise TypeError("no time")
    # A time that no clock shows would count as any length of time.
    if not 0 <= since <= seen <= _LATEST:
        raise ValueError("no time")
    return Reachability(answers, float(since), float(seen))
