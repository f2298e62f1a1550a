"""One lock for what the fleets under a home share: the file of reservations, and the folders of their directories.

A fleet that removes the folders it has emptied must not take one in which another, or another of its own clusters,
is about to make something.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from meshfleet.files import make_directory
from meshfleet.workspace.held_file import held

_SECONDS: Final = 30.0


@contextmanager
def home_locked(home: Path) -> Iterator[None]:
    """Hold the lock of a home, which is made if absent; never for longer than files take to be written.

    Not to be taken by who has it. Raises LockedError when another holds it for half a minute, FileError when the home
    cannot be made or the lock is not a regular file.
    """
    lock = make_directory(home) / "reservations.lock"
    refusal = f"{lock}: another meshfleet held it for {_SECONDS:.0f} s; end it, and run the same command again"
    with held(lock, _SECONDS, refusal):
        yield
