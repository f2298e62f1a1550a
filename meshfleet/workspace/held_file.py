"""A lock on a file, held by one process at a time and let go by the kernel when that process ends, however it ends."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshfleet.errors import FileError, LockedError
from meshfleet.files import file_error


@contextmanager
def held(path: Path, seconds: float, refusal: str) -> Iterator[None]:
    """Hold the lock file `path`, made if absent; `seconds` is how long to wait for another holder.

    Raises LockedError with `refusal` when the time is up, FileError when anything but a regular file is there.
    """
    # Commands that lock nothing start without it.
    from filelock import FileLock, Timeout

    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG
    except OSError as error:
        raise file_error(path, error) from error
    if not stat.S_ISREG(kind):
        raise FileError(f"{path}: is not a regular file, so it cannot be locked; remove it")
    lock = FileLock(path, timeout=seconds, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(refusal) from None
    except OSError as error:
        raise file_error(path, error) from error
    try:
        yield
    finally:
        lock.release()
