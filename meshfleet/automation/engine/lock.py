"""The lock of a stack, and the detection of interrupted commands.

Pulumi's local backend locks a stack with a file that remains after a crash; this module checks whether its holder is
still running, so that the next `up` resumes without `pulumi cancel`.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.engine.temporary_files import temporary_files
from meshfleet.errors import FileError, LockedError
from meshfleet.files import read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import one_line
from meshfleet.workspace.held_file import held

# Seconds for the engine of a killed command to exit.
ENGINE_SECONDS = 120
# Maximum difference of two readings of a process start time.
_SAME_SECONDS = 2.0


@dataclass
class StackLock:
    """The lock of a stack during a command. `interrupted` if the previous command did not exit regularly.

    `unsettled`, set by the command, if cleanup after it is incomplete: then the next command is `interrupted` as well.
    """

    interrupted: bool
    unsettled: bool = False


@contextmanager
def locked(checkout: Checkout, stack: str, command: str) -> Iterator[StackLock]:
    """Lock a stack. Raises `LockedError` immediately, with the holder, if another command has locked it."""
    folder = checkout.workspace(stack).claim()
    holder = folder / "command.json"
    try:
        lock = ExitStack()
        lock.enter_context(held(folder / "command.lock", 0, "held"))
    except LockedError:
        raise LockedError(f"the stack {stack} is in use by {_holder(holder)}; wait for it to end") from None
    with lock:
        # Even a damaged file remains only after an interrupted command.
        interrupted = holder.exists()
        _end_of_engine(checkout, stack, interrupted=interrupted)
        write_file(holder, json.dumps({"version": 1, "command": command, **_self()}) + "\n")
        current = StackLock(interrupted)
        try:
            with temporary_files(checkout, stack):
                yield current
        except KeyboardInterrupt:
            # Keep the file as after a kill: the engine may have left pending operations.
            raise
        except BaseException:
            # A command that fails with an exception exits regularly.
            _release(holder, current)
            raise
        else:
            _release(holder, current)


def _release(holder: Path, lock: StackLock) -> None:
    if not lock.unsettled:
        remove_file(holder)


def _mapping(text: str) -> dict[str, Any]:
    return dict(parse_json(text))


def _self() -> dict[str, float | int]:
    """This process by PID and start time, since PIDs are reused."""
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _holder(path: Path) -> str:
    unknown = "another meshfleet command"
    try:
        record = read_record(path, _mapping, "wait for that command to end") or {}
        process = psutil.Process(int(record["pid"]))
        if abs(process.create_time() - float(record.get("started", process.create_time()))) > _SAME_SECONDS:
            return unknown
        return f"meshfleet {record['command']} (process {record['pid']})"
    except (FileError, ValueError, KeyError, TypeError, AttributeError, OverflowError, psutil.Error):
        return unknown


def _end_of_engine(checkout: Checkout, stack: str, *, interrupted: bool) -> None:
    """Wait for an engine that outlived its command, and remove stale Pulumi locks."""
    if interrupted:
        # An engine that has just started has no lock yet.
        for engine in _engines(checkout, stack):
            _await_end(stack, engine, interrupted=True)
    for lock in sorted((checkout.state / ".pulumi" / "locks").glob(f"*/{PROJECT}/{stack}/*.json")):
        pid = _engine_of(lock)
        if pid is not None:
            _await_end(stack, pid, interrupted=interrupted)
        remove_file(lock)


def _engines(checkout: Checkout, stack: str) -> list[int]:
    """The Pulumi CLI processes of a stack of this checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.name() == "pulumi"
                and stack in process.cmdline()
                and process.environ().get("MESHFLEET_HOME") == str(checkout.home)
            ):
                found.append(process.pid)
        except psutil.Error:
            # It has just exited, or belongs to another user.
            continue
    return found


def _engine_of(lock: Path) -> int | None:
    """The process that holds a Pulumi lock, if it is running on this machine."""
    try:
        record = read_record(lock, _mapping, "end the command that holds the lock") or {}
        host, pid = str(record["hostname"]), int(record["pid"])
        if host != socket.gethostname():
            raise LockedError(
                f"the stack is locked by process {pid} on {one_line(host)}; wait for it to end or, "
                f"if it is not running any more, remove {lock}"
            )
        process = psutil.Process(pid)
        # In a container, exited processes may be reaped late; a zombie keeps its name.
        ended = process.status() == psutil.STATUS_ZOMBIE
        holds = "pulumi" in process.name() and not ended and not _started_after(process, record.get("timestamp"))
        return process.pid if holds else None
    except (FileError, ValueError, KeyError, TypeError, AttributeError, OverflowError, psutil.Error):
        # Damaged, as after a power loss: the process that wrote it is not running any more.
        return None


def _started_after(process: psutil.Process, timestamp: object) -> bool:
    """Whether a process started after a lock was written: then its PID was reused."""
    try:
        written = datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", str(timestamp)))
    except ValueError:
        return False
    if written.tzinfo is None:
        return False
    return process.create_time() > written.timestamp() + _SAME_SECONDS


def _await_end(stack: str, pid: int, *, interrupted: bool) -> None:
    """Wait for the engine of a killed command, but not for a `pulumi` that a user runs."""
    try:
        process = psutil.Process(pid)
        # The parent of an orphan is process 1 or a session manager; only `interrupted` covers the latter.
        if interrupted or process.ppid() == 1:
            process.wait(timeout=ENGINE_SECONDS)
            return
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        pass
    raise LockedError(
        f"the stack {stack} is in use by pulumi (process {pid}); wait for it to end, or end it with kill {pid}"
    )
