"""Processes that outlive the command that started them, and are found again without trusting a written
number.

A process belongs to a directory when its environment says so: every program of a fleet is started with the identity
that the marker of the fleet's directory has, and the directory it belongs to (`workspace.fleet_identity`). That holds
when the directory is moved, is replaced by a link, or has a name that another program cuts. Processes that earlier
versions started are known by the program they were started as (their first argument), which lies in the directory or,
where that was moved since, did. Neither ever mistakes an editor or a shell that merely looks into the directory.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from meshfleet.errors import EndedError, FileError, ProcessError
from meshfleet.files import append_only, file_error, read_tail
from meshfleet.processes.process_table import Row, rows
from meshfleet.workspace.fleet_identity import place_of, variables_of
from meshfleet.workspace.project_folder import SETUP

if TYPE_CHECKING:
    import psutil

_LOG_LINES: Final = 12
# A panic of a program with thousands of goroutines is longer than its lines before; more is not read for them.
_LOG_BYTES: Final = 4 * 1024 * 1024
_KILL_SECONDS: Final = 10.0


def start(
    program: Path, arguments: Sequence[str], directory: Path, log: Path, environment: Mapping[str, str]
) -> psutil.Process:
    """Start `program` in `directory`, detached from this process, its output in `log` (readable by the
    owner).

    `environment` is all it sees, and what tells whose it is. The log of the run before is kept as `<log>.previous`.
    Raises ProcessError when the program is missing or cannot be run, EndedError when it ended at once.
    """
    import psutil

    with open_log(log) as output:
        try:
            started = subprocess.Popen(
                [str(program), *arguments],
                cwd=directory,
                env=dict(environment) | dict(variables_of(directory)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Its own session: neither an interrupt at the terminal nor the end of this process reaches it.
                start_new_session=True,
                # Its files and sockets are its own user's alone.
                umask=0o077,
            )
        except OSError as error:
            raise ProcessError(
                f"{program.name}: cannot be started ({error.strerror}); run {SETUP} to repair the toolchain"
            ) from error
    # Collects the exit status, so that a process that dies while we live is gone and not a zombie.
    threading.Thread(target=started.wait, name=f"reap-{started.pid}", daemon=True).start()
    try:
        process = psutil.Process(started.pid)
        _await_command_line(process)
    except psutil.NoSuchProcess:
        raise EndedError(f"{program.name}: exited immediately; {last_lines(log)}") from None
    return process


def _await_command_line(process: psutil.Process) -> None:
    """Wait until the kernel shows the command line, by which `find` knows it.

    A parent that used vfork goes on while the kernel still lays out the new program: for some microseconds
    the process is there and its command line is empty.
    """
    from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

    visible = Retrying(
        retry=retry_if_result(lambda words: not words),
        wait=wait_fixed(0.001),
        stop=stop_after_delay(2),
        retry_error_callback=lambda _: None,
    )
    visible(process.cmdline)


def open_log(log: Path) -> BinaryIO:
    """A new log, readable by its owner only; the one before is kept as `<log>.previous`. Raises EmbeddedError."""
    try:
        if log.exists() or log.is_symlink():
            log.replace(log.with_name(f"{log.name}.previous"))
    except OSError as error:
        raise file_error(log, error) from error
    return os.fdopen(append_only(log), "ab")


def find(directory: Path) -> dict[str, list[psutil.Process]]:
    """The living processes that belong to `directory` or to one below it, by program name."""
    return find_all([directory])[directory]


def find_all(directories: Sequence[Path]) -> dict[Path, dict[str, list[psutil.Process]]]:
    """`find` for several directories with one look at the process table."""
    import psutil

    found: dict[Path, dict[str, list[psutil.Process]]] = {directory: {} for directory in directories}
    owners = [_Owner.of(directory) for directory in directories]
    for row in rows():
        for owner in owners:
            if not owner.has(row):
                continue
            try:
                process = psutil.Process(row.pid)
                # Between the two looks the number may have passed to another process.
                same = process.cmdline()[:1] == [row.program]
            except psutil.Error:
                continue
            if same:
                found[owner.directory].setdefault(row.name, []).append(process)
    return found


@dataclass(frozen=True)
class _Owner:
    """A directory that processes may belong to: `identity` and `place` are those of its fleet, or empty."""

    directory: Path
    identity: str
    place: str
    tail: str

    @classmethod
    def of(cls, directory: Path) -> _Owner:
        identity, place = place_of(directory)
        fleet = directory.parents[place.count("/")].name if place else directory.name
        return cls(directory, identity, place, "/".join(part for part in ("/fleets", fleet, place) if part) + "/")

    def has(self, row: Row) -> bool:
        if row.identity and self.identity:
            return row.identity == self.identity and _is_below(row.place, self.place)
        if row.program.startswith(f"{self.directory}{os.sep}"):
            return True
        # Of an earlier version, in a directory that was moved since it was started.
        moved = bool(self.identity) and not row.identity and self.tail in row.program
        return moved and _is_below(row.directory(), os.path.realpath(self.directory))


def _is_below(place: str, above: str) -> bool:
    return not above or place == above or place.startswith(f"{above}/")


def end(processes: Sequence[psutil.Process], grace: float) -> None:
    """End exactly these processes: politely, and after `grace` seconds without asking.

    Raises ProcessError when one is still there afterwards, naming it.
    """
    ask_to_end(processes)
    alive = _await_exit(processes, grace)
    for process in alive:
        _signal(process.kill)
    alive = _await_exit(alive, _KILL_SECONDS)
    if alive:
        names = ", ".join(f"{process.pid}" for process in alive)
        raise ProcessError(f"process {names} does not exit, not even after SIGKILL; check it with ps")


def ask_to_end(processes: Sequence[psutil.Process]) -> None:
    """Ask exactly these processes to end, and do not wait."""
    for process in processes:
        _signal(process.terminate)


def _await_exit(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until they have ended; the ones that have not after `seconds`.

    A process that has ended but whose parent has not collected it yet (a zombie) counts as ended: it holds
    neither ports nor files, and process 1 of a container may take seconds to reap it.
    """
    import psutil

    if not hasattr(os, "pidfd_open"):
        return list(psutil.wait_procs(processes, timeout=seconds)[1])
    waiting: dict[int, psutil.Process] = {}
    poll = select.poll()
    try:
        for process in processes:
            try:
                descriptor = os.pidfd_open(process.pid)
            except ProcessLookupError:
                continue
            waiting[descriptor] = process
            poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + seconds
        alive = dict(waiting)
        while alive:
            left = max(0.0, deadline - time.monotonic())
            ended = poll.poll(left * 1000)
            if not ended:
                break
            for descriptor, _ in ended:
                poll.unregister(descriptor)
                alive.pop(descriptor)
        # Between being found and being opened here the number may have passed to another process.
        return [process for process in alive.values() if process.is_running()]
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def last_lines(log: Path) -> str:
    """The end of a log, fit for the end of a message: up to a Go program's panic, whose stack trace adds nothing."""
    try:
        tail = read_tail(log, limit=_LOG_BYTES)
    except FileError:
        tail = None
    if tail is None:
        return f"no log at {log}"
    said = takewhile(lambda line: not line.startswith("goroutine "), tail.splitlines())
    lines = [line.rstrip()[:300] for line in deque(said, _LOG_LINES)]
    return f"the last lines of {log}:\n" + "\n".join(f"  {line}" for line in lines)


def _signal(send: Callable[[], None]) -> None:
    import psutil

    try:
        send()
    except psutil.NoSuchProcess:
        # It went by itself, which is what was wanted.
        return
