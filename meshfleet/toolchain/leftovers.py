"""What a build that was killed left behind: its compilers, and half-made folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import psutil

_MARK = ".process"
_GRACE_SECONDS = 10


def remember_process(record: Path, pid: int) -> None:
    """Write down that the process group `pid` builds for us, so that a later run can end it."""
    entry = {"pid": pid, "started": psutil.Process(pid).create_time()}
    record.with_name(record.name + _MARK).write_text(json.dumps(entry), encoding="utf-8")


def forget_process(record: Path) -> None:
    """The process has ended."""
    record.with_name(record.name + _MARK).unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> list[int]:
    """End the builds and remove the half-made folders that runs before this one left in `folder`.

    Only for the holder of the builders' lock: no other build can be running then. Returns the process
    ids that were ended.
    """
    ended = [pid for record in folder.glob(f".*{_MARK}") if (pid := _end(record)) is not None]
    for pattern in (".build-*", ".replaced-*"):
        for path in folder.glob(pattern):
            remove_tree(path)
    return ended


def remove_tree(path: Path) -> None:
    """Remove a file or folder, also when it is read-only, as Go's module cache is."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for directory, _, _ in os.walk(path):
        os.chmod(directory, 0o700)
    shutil.rmtree(path)


def _end(record: Path) -> int | None:
    try:
        entry = json.loads(record.read_text(encoding="utf-8"))
        process = psutil.Process(int(entry["pid"]))
        # The number may have been given to another program since.
        if abs(process.create_time() - float(entry["started"])) > 1:
            return None
        os.killpg(process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs([process], timeout=_GRACE_SECONDS)
        if alive:
            os.killpg(process.pid, signal.SIGKILL)
            psutil.wait_procs([process], timeout=_GRACE_SECONDS)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, psutil.Error):
        return None
    finally:
        record.unlink(missing_ok=True)
    return process.pid
