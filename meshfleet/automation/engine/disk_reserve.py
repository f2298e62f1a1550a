"""Disk space that is reserved for `destroy`, which has to write in order to free a full disk.

`up` allocates it while there is enough free space, `destroy` releases it when the disk is nearly full.
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
"""Size for two copies of the state, engine events and etcd's journals while objects are deleted, with a margin."""
PLENTY: Final = 8 * BYTES
"""The free space that is required to allocate the reserve."""
# Old logs, which a destroy does not need.
_DISPENSABLE: Final = "*.log.previous"


def path_of(home: Path) -> Path:
    """The file that occupies the space."""
    return home / "reserve"


def keep(home: Path) -> None:
    """Allocate the reserve if there is enough free space; a missing reserve is not an error."""
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


def release(home: Path, stack: Path) -> None:
    """Free disk space for a destroy if the disk is nearly full: the reserve and dispensable files of the stack.

    `stack` is the folder of its files.
    """
    try:
        if shutil.disk_usage(home).free >= BYTES:
            return
    except OSError:
        # The home is missing or cannot be read.
        return
    for path in (path_of(home), *stack.rglob(_DISPENSABLE)):
        with suppress(FileError):
            remove_file(path)
