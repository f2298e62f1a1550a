"""One command at a time on a stack, and what a killed one leaves behind.

Pulumi's local backend locks a stack with a file that outlives a killed process; its holder is looked at here, so
that the next `up` after a crash goes on instead of asking for `pulumi cancel`.
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

# How long the engine of a killed command may take to notice and to end.
ENGINE_SECONDS = 120
# What two readings of one process's start may differ by.
_SAME_SECONDS = 2.0


@dataclass
class StackLock:
    """Held while a command works on a stack. `interrupted` says that the one before did not end by itself.

    `unsettled`, set by the command, says that what that one left is not settled yet: the next command hears of it too.
    """

    interrupted: bool
    unsettled: bool = False


@contextmanager
def locked(checkout: Checkout, stack: str, command: str) -> Iterator[StackLock]:
    """Hold a stack. Raises `LockedError` at once, naming the holder, when another command works on it."""
    folder = checkout.workspace(stack).claim()
    holder = folder / "command.json"
    try:
        lock = ExitStack()
        lock.enter_context(held(folder / "command.lock", 0, "held"))
    except LockedError:
        raise LockedError(f"the stack {stack} is in use by {_holder(holder)}; wait for it to end") from None
    with lock:
        # Damaged or not: only a command that was killed leaves it.
        interrupted = holder.exists()
        _end_of_engine(checkout, stack, interrupted=interrupted)
        write_file(holder, json.dumps({"version": 1, "command": command, **_self()}) + "\n")
        held_now = StackLock(interrupted)
        try:
            with temporary_files(checkout, stack):
                yield held_now
        except KeyboardInterrupt:
            # Its name stays, as that of a killed command: the engine may have left operations pending.
            raise
        except BaseException:
            # An exception of ours is an ending too.
            _end_holding(holder, held_now)
            raise
        else:
            _end_holding(holder, held_now)


def _end_holding(holder: Path, lock: StackLock) -> None:
    if not lock.unsettled:
        remove_file(holder)


def _mapping(text: str) -> dict[str, Any]:
    return dict(parse_json(text))


def _self() -> dict[str, float | int]:
    """This process, by its number and the time it started: numbers are used again."""
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _holder(path: Path) -> str:
    unknown = "another meshfleet command"
    try:
        said = read_record(path, _mapping, "wait for that command to end") or {}
        process = psutil.Process(int(said["pid"]))
        if abs(process.create_time() - float(said.get("started", process.create_time()))) > _SAME_SECONDS:
            return unknown
        return f"meshfleet {said['command']} (process {said['pid']})"
    except (FileError, ValueError, KeyError, TypeError, AttributeError, OverflowError, psutil.Error):
        return unknown


def _end_of_engine(checkout: Checkout, stack: str, *, interrupted: bool) -> None:
    """Wait for an engine that outlived its command, and remove the locks of those that are gone."""
    if interrupted:
        # One that has only just been started holds no lock yet.
        for engine in _engines(checkout, stack):
            _await_end(stack, engine, interrupted=True)
    for lock in sorted((checkout.state / ".pulumi" / "locks").glob(f"*/{PROJECT}/{stack}/*.json")):
        pid = _engine_of(lock)
        if pid is not None:
            _await_end(stack, pid, interrupted=interrupted)
        remove_file(lock)


def _engines(checkout: Checkout, stack: str) -> list[int]:
    """The processes of the Pulumi CLI that work on a stack of this checkout."""
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
            # It has just ended, or is another user's.
            continue
    return found


def _engine_of(lock: Path) -> int | None:
    """The process that holds a Pulumi lock, if it still runs on this machine."""
    try:
        said = read_record(lock, _mapping, "end the command that holds it") or {}
        host, pid = str(said["hostname"]), int(said["pid"])
        if host != socket.gethostname():
            raise LockedError(
                f"the stack is locked from {one_line(host)} (process {pid}); wait for it to end or, "
                f"if nothing runs there any more, remove {lock}"
            )
        process = psutil.Process(pid)
        # In a container ended processes may be collected late; such a process still has its name.
        ended = process.status() == psutil.STATUS_ZOMBIE
        holds = "pulumi" in process.name() and not ended and not _started_after(process, said.get("timestamp"))
        return process.pid if holds else None
    except (FileError, ValueError, KeyError, TypeError, AttributeError, OverflowError, psutil.Error):
        # Damaged, as a power cut leaves it: whoever wrote it does not run any more.
        return None


def _started_after(process: psutil.Process, timestamp: object) -> bool:
    """Whether a process started after a lock was written: then it has only the number of the one that did."""
    try:
        written = datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", str(timestamp)))
    except ValueError:
        return False
    if written.tzinfo is None:
        return False
    return process.create_time() > written.timestamp() + _SAME_SECONDS


def _await_end(stack: str, pid: int, *, interrupted: bool) -> None:
    """Wait for the engine of a killed command; one that somebody runs by hand is not waited for."""
    try:
        process = psutil.Process(pid)
        # An orphan goes to process 1, or to the session's manager, which only the killed command's note tells.
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
