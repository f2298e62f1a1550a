"""One builder at a time, across processes; a waiting one reports the holder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.progress import Progress

# A first build takes 12 minutes on two cores; this bound suits a very slow machine.
PATIENCE_SECONDS = 2 * 3600.0
_FIRST_WORD_SECONDS = 1.0
_NEXT_WORD_SECONDS = 60.0


@contextmanager
def only_builder(path: Path, progress: Progress, *, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock file `path` for the block, waiting at most `patience` seconds for another holder.

    The holder's process id lies beside it in `<path>.holder`. The operating system frees the lock when its
    holder ends, however it ends. Raises ToolchainError, naming the holder, when the time is over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_name(path.name + ".holder")
    lock = FileLock(path)
    since = time.monotonic()
    pause = _FIRST_WORD_SECONDS
    while True:
        left = patience - (time.monotonic() - since)
        try:
            lock.acquire(timeout=max(0.0, min(pause, left)), poll_interval=0.1)
            break
        except Timeout:
            waited = time.monotonic() - since
            who = _describe(holder)
            if waited >= patience:
                raise ToolchainError(
                    f"the toolchain in {path.parent} is still being built by {who} after {waited:.0f} s; "
                    f"wait for it, or terminate that process, and try again: what it has compiled is kept"
                ) from None
            progress.note(f"waiting for {who}, which is building the toolchain ({waited:.0f} s so far)")
            pause = _NEXT_WORD_SECONDS
    try:
        holder.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _describe(holder: Path) -> str:
    try:
        return f"process {int(json.loads(holder.read_text(encoding='utf-8'))['pid'])}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
