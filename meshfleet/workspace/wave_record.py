"""What is kept of a wave that is under way: its clusters, and what they had before it where it is to be rolled back.

It is a file in the fleet's directory, written with the stack locked before the wave moves anything, and without the
wave once that is healthy or rolled back. So a run after a kill knows what has not been found healthy yet, and what to
go back to. A damaged file is refused: without it a half of a wave would count as what was there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError
from meshfleet.files import read_record, remove_file
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.owned_record import document_in, mapping, require_own, text, texts, write_owned

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
    document = read_record(path, document_in, _ADVICE)
    if document is None:
        return {}
    require_own(path, document, workspace, _ADVICE)
    try:
        return {text(name): _wave(mapping(entry)) for name, entry in mapping(document["waves"]).items()}
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path}: damaged ({type(error).__name__}); {_ADVICE}") from None


def write_waves(workspace: Workspace, waves: Mapping[str, WaveUnderWay]) -> None:
    """Keep the waves that are under way; requires the lock of the stack. Raises FileError."""
    path = _file(workspace)
    if not waves:
        remove_file(path)
        return
    written = {name: {"clusters": list(one.clusters), "before": one.before} for name, one in waves.items()}
    write_owned(workspace, path, {"waves": written})


def _file(workspace: Workspace) -> Path:
    return workspace.directory / "waves.json"


def _wave(entry: Mapping[str, Any]) -> WaveUnderWay:
    clusters, before = texts(entry["clusters"]), entry["before"]
    if before is None:
        return WaveUnderWay(clusters)
    bodies = {
        text(name): {text(one): mapping(body) for one, body in mapping(there).items()}
        for name, there in mapping(before).items()
    }
    return WaveUnderWay(clusters, bodies)
