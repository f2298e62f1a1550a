"""The users of pods and virtual machines: two of each one's own, which nothing else on the machine is.

They have no names. Their numbers are of a range that neither systemd nor the subordinate ids of people
(/etc/subuid) use (https://systemd.io/UIDS-GIDS/). The number of the first is kept in the folder of the pod or the
machine, and free again when that goes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.dataplane.network.place import RUN
from meshfleet.errors import EmbeddedError
from meshfleet.files import file_error, read_text, write_file

FIRST: Final = 2_000_000_000
COUNT: Final = 65_536
_FILE: Final = "user"
_HOLDERS: Final = ("*/pods/*/*", "*/machines/*")


@dataclass(frozen=True)
class Users:
    """By number; each has a group of the same number. Capture passes by what is of the proxy's."""

    proxy: int
    application: int


EARLIER: Final = Users(1337, 65534)
"""Those of every pod that earlier versions have started, whose capture passes these by as long as it lives."""


def users_of(holder: Path, *, began_earlier: bool = False, run: Path = RUN) -> Users:
    """The users of the pod or machine whose folder this is, the same at every call.

    With `began_earlier` one that has none was started by an earlier version. Raises EmbeddedError.
    """
    kept = _kept(holder)
    if kept is None and began_earlier:
        return EARLIER
    if kept is None:
        with _alone(run):
            kept = _free(holder, run)
            write_file(holder / _FILE, str(kept))
    return Users(kept, kept + 1)


def _kept(holder: Path) -> int | None:
    text = read_text(holder / _FILE)
    if text is None:
        return None
    if not text.isdecimal() or not FIRST <= int(text) < FIRST + COUNT:
        raise EmbeddedError(f"{holder / _FILE}: names no user of a pod; delete the pod, so that it is created again")
    return int(text)


def _free(holder: Path, run: Path) -> int:
    taken = {_taken_by(other) for pattern in _HOLDERS for other in run.glob(pattern) if other != holder}
    # Not the one that went last: what it has left behind would be the next one's.
    begin = int.from_bytes(hashlib.sha256(str(holder).encode()).digest()[:4])
    for step in range(COUNT // 2):
        number = FIRST + (begin + step) % (COUNT // 2) * 2
        if number not in taken:
            return number
    raise EmbeddedError(f"{holder}: all {COUNT // 2} users of pods are taken; destroy an unused fleet")


def _taken_by(other: Path) -> int | None:
    try:
        return _kept(other)
    except EmbeddedError:
        # Damaged: that pod is refused by name, and no other for it.
        return None


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    try:
        descriptor = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise file_error(run, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
