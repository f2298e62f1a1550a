"""The identity of a fleet on this machine: by it its processes and network namespaces are found, wherever it lies.

It is worked out from the path the fleet was first made under, as earlier versions did each time, and then kept in the
marker of the fleet's directory. So it stays when the directory is moved, and is the same again when the directory
was deleted while processes run. A directory that is a copy of another, or that takes the place of one which was
moved away, gets an identity of its own: it must not mistake the other's processes for its own.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import make_directory
from meshfleet.processes.process_table import IDENTITY, PLACE, rows
from meshfleet.workspace.home_lock import home_locked
from meshfleet.workspace.marker import MARKER, Marker, claim_home, read_marker, write_marker

_DIGITS: Final = 16
_LEVELS: Final = 6
"""How many directories above a program's own that of its fleet can be."""


def identity_of(home: Path, fleet: str) -> str:
    """The identity of a fleet, whether it is there or not. Raises NewerFileError."""
    kept = _kept(home / "fleets" / fleet)
    return kept.identity if kept and kept.identity else _from_path(home, fleet)


def claim_fleet(home: Path, fleet: str, below: Path | None = None) -> Path:
    """Make the directory of a fleet, mark it, with its identity, and make the one `below` it; the fleet's directory.

    Fine when that was done before. Raises FileError when something else is in its place.
    """
    # Unlocked: a folder that is somebody else's gets no lock.
    claim_home(home)
    with home_locked(home):
        directory = _marked(home, fleet)
        if below is not None:
            make_directory(below)
    return directory


def _marked(home: Path, fleet: str) -> Path:
    directory = make_directory(home / "fleets" / fleet)
    kept = _kept(directory)
    inode = directory.stat().st_ino
    if kept and kept.identity and kept.inode == inode:
        return directory
    identity = kept.identity if kept and kept.identity else _from_path(home, fleet)
    if _lives_elsewhere(identity, directory):
        identity = secrets.token_hex(_DIGITS // 2)
    write_marker(directory, Marker("fleet", identity, inode))
    return directory


def place_of(directory: Path) -> tuple[str, str]:
    """The identity of the fleet that a directory is part of, and the directory relative to the fleet's; or empty."""
    for above in (directory, *directory.parents[:_LEVELS]):
        if (above / MARKER).is_file():
            kept = _kept(above)
            if kept and kept.kind == "fleet":
                relative = directory.relative_to(above).as_posix()
                return kept.identity, "" if relative == "." else relative
    return "", ""


def variables_of(directory: Path) -> Mapping[str, str]:
    """What a process that belongs to a directory has in its environment; empty outside of a fleet."""
    identity, place = place_of(directory)
    return {IDENTITY: identity, PLACE: place} if identity else {}


def _kept(directory: Path) -> Marker | None:
    try:
        return read_marker(directory)
    except NewerFileError:
        raise
    except FileError:
        # The identity is worked out again, which is right unless the directory was moved since.
        return _running_in(directory)


def _running_in(directory: Path) -> Marker | None:
    """What the processes that work below a directory say of it."""
    below = f"{os.path.realpath(directory)}{os.sep}"
    for row in rows():
        if row.identity and row.directory().startswith(below):
            return Marker("fleet", row.identity)
    return None


def _lives_elsewhere(identity: str, directory: Path) -> bool:
    """Whether processes of that identity work in a directory that is there and not below this one."""
    here = f"{os.path.realpath(directory)}{os.sep}"
    for row in rows():
        if row.identity == identity:
            works_in = row.directory()
            if works_in and not works_in.startswith(here) and os.path.isdir(works_in):
                return True
    return False


def _from_path(home: Path, fleet: str) -> str:
    return hashlib.sha256(f"{home}\n{fleet}".encode()).hexdigest()[:_DIGITS]
