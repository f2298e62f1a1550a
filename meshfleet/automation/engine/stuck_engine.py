"""Detect and interrupt a deadlocked engine.

A delete-before-replace is one chain of steps. When its deletion fails, an engine with continue-on-error drops the rest
of the chain and never responds to the program's registration of the new resource; so the program waits forever, and the
engine for the program (cancelDueToError and DeleteStep.Fail in pkg/resource/deploy of pulumi/pulumi;
https://github.com/pulumi/pulumi/issues/16373). The symptom is such a failure, followed by no events while no step is
running. The engine is then interrupted, as by a user, which keeps all completed changes.
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

# The program registers its next resource within a fraction of a second, or longer on a busy machine.
SILENT_SECONDS: Final = 20.0
# Seconds for the engine to exit after each signal, before the next one.
END_SECONDS: Final = 60.0
DELETIONS: Final = ("delete-replaced", "discard-replaced")
SIGNALS: Final = (signal.SIGINT, signal.SIGINT, signal.SIGKILL)


class StuckEngine:
    """Receives every event of an operation while it is open; `interrupt` is called with each of SIGNALS in turn."""

    def __init__(self, interrupt: Callable[[signal.Signals], None], silent_seconds: float = SILENT_SECONDS) -> None:
        self._interrupt = interrupt
        self._silent_seconds = silent_seconds
        self._lock = threading.Lock()
        self._running: set[str] = set()
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
        """Handle one event; called from a thread other than the one that opened it."""
        started, ended, failed = event.resource_pre_event, event.res_outputs_event, event.res_op_failed_event
        with self._lock:
            self._stop_waiting()
            if started and not _is_ignored(started.metadata.type, started.metadata.op.value):
                self._running.add(started.metadata.urn)
            elif ended:
                self._running.discard(ended.metadata.urn)
            elif failed:
                self._running.discard(failed.metadata.urn)
                self._broken = self._broken or failed.metadata.op.value in DELETIONS
            if self._broken and not self._running and not self._ended:
                self._wait(self._silent_seconds, 0)

    def _wait(self, seconds: float, step: int) -> None:
        self._timer = threading.Timer(seconds, self._escalate, (step,))
        self._timer.daemon = True
        self._timer.start()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _escalate(self, step: int) -> None:
        with self._lock:
            if self._ended:
                return
            self._running.clear()
            if step + 1 < len(SIGNALS):
                self._wait(END_SECONDS, step + 1)
        self._interrupt(SIGNALS[step])


def end_own(command: str, *, interrupt_first: bool) -> None:
    """Wait until the engine that this process runs as `command`, a path, has exited with all completed changes kept.

    Unless `interrupt_first` it is already stopping, and is interrupted only when it takes too long.
    """
    steps = SIGNALS if interrupt_first else (None, *SIGNALS)
    for step in steps:
        engines = _own(command)
        for engine in engines:
            if step is not None:
                _send(engine, step)
        if not psutil.wait_procs(engines, timeout=END_SECONDS)[1]:
            return


def interrupt_own(command: str) -> Callable[[signal.Signals], None]:
    """A function that sends a signal to the child process that runs `command`, a path."""

    def send(number: signal.Signals) -> None:
        for child in _own(command):
            _send(child, number)

    return send


def _own(command: str) -> list[psutil.Process]:
    """The child processes that run `command`."""
    found = []
    for child in psutil.Process().children():
        try:
            if child.cmdline()[:1] == [command]:
                found.append(child)
        except psutil.Error:
            # It has exited.
            continue
    return found


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        # As above.
        return


def _is_ignored(resource_type: str, operation: str) -> bool:
    # A component is running until its outputs are available, which is what does not happen.
    return operation in UNCHANGED or is_component(resource_type)
