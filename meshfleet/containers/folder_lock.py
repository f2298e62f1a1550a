"""A lock on a folder, which leaves nothing behind, and which the kernel frees when its holder ends, however it ends.

Source: https://man7.org/linux/man-pages/man2/flock.2.html
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshfleet.errors import ContainersError
from meshfleet.files import file_error
from meshfleet.processes.waiting import NotYetError, wait_until


@contextmanager
def locked(folder: Path, seconds: float, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of an existing folder, waiting at most `seconds`; `shared` with others that share it.

    Raises ContainersError when another process holds it for longer, FileError when the folder cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise file_error(folder, error) from error
    try:
        wait_until(
            lambda: _lock(descriptor, shared),
            f"the lock on {folder}",
            seconds,
            "wait for that command, and run this one again",
            failure=ContainersError,
        )
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_now(folder: Path) -> Iterator[bool]:
    """Whether the lock of an existing folder is free; it is held in the block if so. Raises FileError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise file_error(folder, error) from error
    try:
        try:
            _lock(descriptor, shared=False)
        except NotYetError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _lock(descriptor: int, shared: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotYetError("another command holds it") from None
