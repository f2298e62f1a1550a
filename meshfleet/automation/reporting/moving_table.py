"""Progress on a terminal: a live table of the running operation."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from meshfleet.automation.reporting.changes import STAGES, Place, is_component, place_of

if TYPE_CHECKING:
    from typing import Self

    from pulumi.automation.events import EngineEvent


class MovingTable:
    """A `Progress` with a row for each cluster and a column for each stage: running, done or failed."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lock = threading.RLock()
        self._under_way: dict[Place, float] = {}
        self._done: dict[tuple[str, str], int] = {}
        self._failed: set[tuple[str, str]] = set()
        self._rows: dict[str, None] = {}
        self._live = Live(get_renderable=self._draw, console=Console(stderr=True), refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def hear(self, event: EngineEvent) -> None:
        """Move a resource from one state to the next."""
        with self._lock:
            if event.resource_pre_event and not is_component(event.resource_pre_event.metadata.type):
                place = self._seen(event.resource_pre_event.metadata.urn)
                self._under_way[place] = time.monotonic()
            elif event.res_outputs_event and not is_component(event.res_outputs_event.metadata.type):
                place = self._seen(event.res_outputs_event.metadata.urn)
                self._under_way.pop(place, None)
                self._done[place.cluster, place.stage] = self._done.get((place.cluster, place.stage), 0) + 1
            elif event.res_op_failed_event:
                place = self._seen(event.res_op_failed_event.metadata.urn)
                self._under_way.pop(place, None)
                self._failed.add((place.cluster, place.stage))

    def _seen(self, urn: str) -> Place:
        place = place_of(urn)
        self._rows[place.cluster] = None
        return place

    def _draw(self) -> Table:
        with self._lock:
            table = Table(title=self._title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
            table.add_column("")
            for stage in STAGES:
                table.add_column(stage)
            for cluster in self._rows:
                table.add_row(cluster or "fleet", *(self._cell(cluster, stage) for stage in STAGES))
            return table

    def _cell(self, cluster: str, stage: str) -> str:
        if (cluster, stage) in self._failed:
            return "[red]✗ failed[/red]"
        busy = [
            (place, start)
            for place, start in self._under_way.items()
            if (place.cluster, place.stage) == (cluster, stage)
        ]
        if busy:
            place, start = busy[0]
            return f"[yellow]{place.what} {time.monotonic() - start:.0f} s[/yellow]"
        return "[green]✓[/green]" if (cluster, stage) in self._done else "[dim]·[/dim]"
