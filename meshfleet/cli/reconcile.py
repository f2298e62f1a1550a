"""`reconcile`: move the shares of clusters that stay unreachable, once or for as long as it is watched."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from meshfleet.automation.reporting.output import print_json, print_line
from meshfleet.cli.options import Json, Stack
from meshfleet.errors import MeshfleetError
from meshfleet.redaction.shown import shown

if TYPE_CHECKING:
    from meshfleet.automation.reconciliation import Reconciler, Round

LONGEST_SECONDS = 300
"""Between two looks: they are to be close to each other, so that they tell of the time between (GAP_SECONDS)."""


def reconcile(
    stack: Stack,
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on looking until interrupted.")] = False,
    interval: Annotated[str, typer.Option(help="How long to wait between two looks, such as 10s or 1m.")] = "10s",
    recover: Annotated[
        list[str] | None,
        typer.Option("--recover", help="Take the shares of this cluster back now, if it responds. Repeatable."),
    ] = None,
) -> None:
    """Look at every cluster, and move propagated shares away from unreachable ones and back, as `failover` declares."""
    # Imports of the engine, which `--help` does not need.
    from meshfleet.automation.reconciliation import Reconciler

    seconds = _seconds(interval)
    reconciler = Reconciler(stack, quiet=json, recover=recover or ())
    if not watch:
        found = reconciler.round()
        _tell(found, stack, as_json=json)
        return
    # A clock that is set while it watches changes no waiting.
    offset = time.time() - time.monotonic()
    reconciler.clock = lambda: offset + time.monotonic()
    watched(reconciler, stack, seconds, as_json=json)


def watched(reconciler: Reconciler, stack: str, seconds: float, *, as_json: bool) -> None:
    """Round after round, until an interrupt; what a round says is told when it is new.

    Raises KeyboardInterrupt for an interrupt within a move, and `TopologyError` for the stack file it begins with.
    """
    rest, told = threading.Event(), _Told(stack, as_json=as_json)
    try:
        told.hear(reconciler.round())
        while not rest.wait(seconds):
            reconciler.moving = False
            try:
                told.hear(reconciler.round())
            except MeshfleetError as error:
                told.fail(f"error: {error}; looking again in {seconds:.0f} s")
    except KeyboardInterrupt:
        if reconciler.moving:
            raise
        print_line(f"stopped watching {stack}")


class _Told:
    """Tells what a round says when it is not what the one before said."""

    def __init__(self, stack: str, *, as_json: bool) -> None:
        self._stack, self._as_json = stack, as_json
        self._before: object = None

    def hear(self, found: Round) -> None:
        answers = {name: look.answers for name, look in found.looks.items()}
        # What waits for its time is told once, not every second.
        notes = [note for note in found.notes if "at the earliest" not in note]
        if found.moved or (answers, notes) != self._before:
            _tell(found, self._stack, as_json=self._as_json)
        self._before = (answers, notes)

    def fail(self, text: str) -> None:
        if text != self._before:
            print_line(text)
        self._before = text


def _tell(found: Round, stack: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json(stack))
        return
    for line in (*found.moved, *found.notes):
        print_line(line)
    silent = [name for name, look in sorted(found.looks.items()) if not look.answers]
    seen = f"no response of {', '.join(silent)}" if silent else "all clusters respond"
    print_line(f"{stack}: {seen}; {f'{len(found.moved)} moves' if found.moved else 'nothing moved'}")


def _seconds(text: str) -> float:
    from meshfleet.topology.virtual_machine import lifetime_seconds

    seconds = lifetime_seconds(text)
    if not seconds or seconds > LONGEST_SECONDS:
        raise typer.BadParameter(
            f"{shown(text)} must be a length of time of 5m at most; write it as 10s or 1m", param_hint="--interval"
        )
    return float(seconds)
