"""A path without the characters at which other programs cut or split one: a link where the directory itself has some.

kwokctl cuts its work directory at a space, and flags that take lists split at commas and quotes. The link leads to the
fleet's directory and has its identity as its name, so that it is the same after the directory was moved: then it only
has to lead elsewhere. A restart of the machine may take it; it is made again whenever it is wanted.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import make_directory, write_link
from meshfleet.workspace.cache import locate_cache
from meshfleet.workspace.fleet_identity import place_of

_PLAIN: Final = re.compile(r"[A-Za-z0-9._/@+-]+")
_REFUSED: Final = "its path has characters that kwokctl does not take"
_RUN: Final = Path("/run")
_ATTEMPTS: Final = 3


def plain_path(directory: Path) -> Path:
    """The directory under a plain path: its own if that is one, else through a link. Raises FileError."""
    if _PLAIN.fullmatch(str(directory)):
        return directory
    identity, place = place_of(directory)
    if not identity:
        raise FileError(f"{directory}: {_REFUSED}, and it is in no fleet that could have a link")
    fleet = directory.parents[place.count("/")] if place else directory
    for folder in _folders():
        if not _PLAIN.fullmatch(str(folder)):
            continue
        for _ in range(_ATTEMPTS):
            try:
                _require_ours(make_directory(folder))
                write_link(folder / identity, fleet)
                return folder / identity / place
            except (FileError, OSError):
                # It cannot be used, or another fleet removed it with its own link, the last in it.
                continue
    raise FileError(
        f"{directory}: {_REFUSED}, and no folder for a link could be created; "
        "choose another MESHFLEET_HOME, of letters, digits, '-', '_' and '.'"
    )


def remove_links(identity: str) -> None:
    """Remove the links to a fleet's directory; fine when there are none."""
    for folder in _folders():
        link = folder / identity
        if identity and link.is_symlink():
            link.unlink(missing_ok=True)
            try:
                folder.rmdir()
            except OSError:
                # Other fleets have links there.
                continue


def _folders() -> Iterator[Path]:
    if os.geteuid() == 0:
        yield _RUN / "meshfleet-links"
    yield locate_cache().root / "links"
    yield Path("/tmp") / f"meshfleet-{os.geteuid()}"  # noqa: S108 - checked to be this user's alone before it is used


def _require_ours(folder: Path) -> None:
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise FileError(f"{folder}: is not a directory of this user alone")
