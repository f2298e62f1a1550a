"""Progress of a long operation, by cluster and stage: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from meshfleet.automation.reporting.changes import UNCHANGED, is_component, place_of

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

DONE = {
    "create": "created",
    "update": "changed",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "recreated",
    "delete-replaced": "deleted",
}


class Progress(Protocol):
    """Receives every engine event while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def hear(self, event: EngineEvent) -> None:
        """Handle one event; called from a thread other than the one that opened it."""


class Silent:
    """No output, for --json."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def hear(self, event: EngineEvent) -> None:
        """Ignore it."""


class PlainLines(Silent):
    """One line for each resource that changed or failed, for logs and CI."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._lock = threading.Lock()

    def hear(self, event: EngineEvent) -> None:
        """Print a line when a resource is done."""
        if event.resource_pre_event:
            with self._lock:
                self._started[event.resource_pre_event.metadata.urn] = time.monotonic()
        elif event.res_outputs_event:
            step = event.res_outputs_event.metadata
            if step.op.value not in UNCHANGED and not is_component(step.type):
                self._say(step.urn, DONE.get(step.op.value, step.op.value))
        elif event.res_op_failed_event:
            self._say(event.res_op_failed_event.metadata.urn, "FAILED")

    def _say(self, urn: str, what: str) -> None:
        place = place_of(urn)
        with self._lock:
            seconds = time.monotonic() - self._started.get(urn, time.monotonic())
        subject = f"{place.cluster or 'fleet'}  {place.stage}  {place.what}"
        print(f"{subject} {what} ({seconds:.1f} s)", file=sys.stderr, flush=True)


def progress_for(title: str, *, quiet: bool) -> Progress:
    """No output with `quiet`, a live table on a terminal, plain lines elsewhere."""
    if quiet:
        return Silent()
    if not sys.stderr.isatty():
        return PlainLines()
    # Importing the table takes 0.1 s, which other runs do not need.
    from meshfleet.automation.reporting.moving_table import MovingTable

    return MovingTable(title)
