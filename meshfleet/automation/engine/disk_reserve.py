"""Space on the disk of the home that is kept for `destroy`, which writes too, and which is what frees a full disk.

`up` allocates it while there is plenty, `destroy` gives it up when there is little.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import remove_file

BYTES: Final = 32 * 1024 * 1024
"""The state twice over, the engine's events and the journals of etcd while objects are deleted, with a margin."""
PLENTY: Final = 8 * BYTES
"""What must be free before any is kept."""
# What a run needs only while it is looked at, and a destroy does not.
_DISPENSABLE: Final = "*.log.previous"


def path_of(home: Path) -> Path:
    """The file that holds the space."""
    return home / "reserve"


def keep(home: Path) -> None:
    """Allocate the reserve, unless it is there or the disk has little to spare; it is never an error not to have it."""
    path = path_of(home)
    try:
        if path.exists() or shutil.disk_usage(home).free < PLENTY:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, BYTES)
        except OSError:
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    except OSError:
        return


def give_up(home: Path, stack: Path) -> None:
    """Make room for a destroy where there is little: the reserve, and of the stack's files what nothing needs.

    `stack` is the folder of its files.
    """
    try:
        if shutil.disk_usage(home).free >= BYTES:
            return
    except OSError:
        # There is no home, or it cannot be asked: then nothing of it is in the way.
        return
    for path in (path_of(home), *stack.rglob(_DISPENSABLE)):
        with suppress(FileError):
            remove_file(path)
