"""An engine that waits for what can no longer come, and the way out of it.

A replacement that deletes first is one chain of steps. When a deletion in it fails, an engine that goes on after
errors drops the rest of the chain and never answers the program that asked for the new resource; so the program waits
for good, and the engine for the program (cancelDueToError and DeleteStep.Fail in pkg/resource/deploy of
pulumi/pulumi; https://github.com/pulumi/pulumi/issues/16373). Seen in the events that it sends: such a failure, and
then silence while nothing is under way. It is interrupted then, as by a user, which ends it with all it has done kept.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import psutil

from meshfleet.automation.reporting.changes import UNCHANGED, is_component

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

# The program registers its next resource within a fraction of a second; a busy machine may take longer over it.
SILENT_SECONDS: Final = 20.0
# How long the engine may take to end once it is told to, before it is told again and at last not asked any more.
END_SECONDS: Final = 60.0
DELETIONS: Final = ("delete-replaced", "discard-replaced")
WAYS_OUT: Final = (signal.SIGINT, signal.SIGINT, signal.SIGKILL)


class StuckEngine:
    """Hears every event of an operation while it is open; `interrupt` is called with each of WAYS_OUT in turn."""

    def __init__(self, interrupt: Callable[[signal.Signals], None], silent_seconds: float = SILENT_SECONDS) -> None:
        self._interrupt = interrupt
        self._silent_seconds = silent_seconds
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._broken = False
        self._ended = False
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended = True
            self._stop_waiting()

    def hear(self, event: EngineEvent) -> None:
        """Take one event; called from another thread than the one that opened it."""
        started, ended, failed = event.resource_pre_event, event.res_outputs_event, event.res_op_failed_event
        with self._lock:
            self._stop_waiting()
            if started and not _is_nothing_to_wait_for(started.metadata.type, started.metadata.op.value):
                self._under_way.add(started.metadata.urn)
            elif ended:
                self._under_way.discard(ended.metadata.urn)
            elif failed:
                self._under_way.discard(failed.metadata.urn)
                self._broken = self._broken or failed.metadata.op.value in DELETIONS
            if self._broken and not self._under_way and not self._ended:
                self._wait(self._silent_seconds, 0)

    def _wait(self, seconds: float, way: int) -> None:
        self._timer = threading.Timer(seconds, self._leave, (way,))
        self._timer.daemon = True
        self._timer.start()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self, way: int) -> None:
        with self._lock:
            if self._ended:
                return
            self._under_way.clear()
            if way + 1 < len(WAYS_OUT):
                self._wait(END_SECONDS, way + 1)
        self._interrupt(WAYS_OUT[way])


def end_own(command: str, *, ask_first: bool) -> None:
    """Wait until the engine that this process runs as `command`, a path, has ended with all it has done kept.

    Unless `ask_first` it is ending already, and is asked only when it takes too long.
    """
    ways = WAYS_OUT if ask_first else (None, *WAYS_OUT)
    for way in ways:
        engines = _own(command)
        for engine in engines:
            if way is not None:
                _send(engine, way)
        if not psutil.wait_procs(engines, timeout=END_SECONDS)[1]:
            return


def interrupt_own(command: str) -> Callable[[signal.Signals], None]:
    """Sends a signal to the process that this one runs as `command`, a path; to no other."""

    def send(number: signal.Signals) -> None:
        for child in _own(command):
            _send(child, number)

    return send


def _own(command: str) -> list[psutil.Process]:
    """The processes that this one runs as `command`."""
    found = []
    for child in psutil.Process().children():
        try:
            if child.cmdline()[:1] == [command]:
                found.append(child)
        except psutil.Error:
            # It ended by itself, which is what was wanted.
            continue
    return found


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        # As above.
        return


def _is_nothing_to_wait_for(resource_type: str, operation: str) -> bool:
    # A component is under way until the outputs that it waits for are there, which is what does not happen.
    return operation in UNCHANGED or is_component(resource_type)
