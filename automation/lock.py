"""One command at a time on a stack, and what a killed one leaves behind.

Pulumi's local backend locks a stack with a file that outlives a killed process; its holder is looked at here, so
that the next `up` after a crash goes on instead of asking for `pulumi cancel`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from automation.checkout import PROJECT, Checkout
from automation.temporary_files import temporary_files
from topology.errors import LockedError
from topology.files import make_directory

# How long the engine of a killed command may take to notice and to end.
ENGINE_SECONDS = 120


@dataclass
class StackLock:
    """Held while a command works on a stack. `interrupted` says that the one before did not end by itself."""

    interrupted: bool


@contextmanager
def locked(checkout: Checkout, stack: str, command: str) -> Iterator[StackLock]:
    """Hold a stack. Raises `LockedError` at once, naming the holder, when another command works on it."""
    folder = make_directory(checkout.fleet(stack))
    holder, lock = folder / "command.json", FileLock(folder / "command.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(f"the stack {stack} is in use by {_holder(holder)}; wait for it to end") from None
    try:
        interrupted = holder.exists()
        _end_of_engine(checkout, stack, interrupted=interrupted)
        holder.write_text(json.dumps({"pid": os.getpid(), "command": command}), encoding="utf-8")
        try:
            with temporary_files(checkout, stack):
                yield StackLock(interrupted)
        except KeyboardInterrupt:
            # Its name stays, as that of a killed command: the engine may have left operations pending.
            raise
        except BaseException:
            # An exception of ours is an ending too.
            holder.unlink(missing_ok=True)
            raise
        else:
            holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"meshfleet {said['command']} (process {said['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another meshfleet command"


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
        lock.unlink(missing_ok=True)


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
        said = json.loads(lock.read_text(encoding="utf-8"))
        if said["hostname"] != socket.gethostname():
            raise LockedError(
                f"the stack is locked from {said['hostname']} (process {said['pid']}); wait for it to end or, "
                f"if nothing runs there any more, remove {lock}"
            )
        process = psutil.Process(int(said["pid"]))
        # In a container nobody may collect what has ended; such a process still has its name.
        ended = process.status() == psutil.STATUS_ZOMBIE
        return process.pid if "pulumi" in process.name() and not ended else None
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None


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
