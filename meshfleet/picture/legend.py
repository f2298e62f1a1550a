"""The legend: only what this picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshfleet.picture import palette
from meshfleet.picture.canvas import Canvas, Paint, Type
from meshfleet.picture.lines import CONTROL_PAINT, TRAFFIC_PAINT, TRUST_PAINT
from meshfleet.picture.text import width
from meshfleet.picture.view import FleetPicture

SIZE = 11.5
SAMPLE = 30.0
SPACE = 24.0


@dataclass(frozen=True)
class Entry:
    """A kind of line and what it means."""

    paint: Paint
    text: str

    @property
    def width(self) -> float:
        """How wide the entry is drawn, in pixels."""
        return SAMPLE + 8 + width(self.text, SIZE)


def legend_entries(view: FleetPicture) -> tuple[Entry, ...]:
    """The kinds of lines that occur in the picture of `view`."""
    clusters = [cluster for mesh in view.meshes for network in mesh.networks for cluster in network.clusters]
    entries = [Entry(TRUST_PAINT, "trust: root CA to each cluster's intermediate")] if clusters else []
    if any(cluster.control_plane.kind != "own" for cluster in clusters):
        entries.append(Entry(CONTROL_PAINT, "served by the control plane at the arrow"))
    if any(cluster.gateway and cluster.gateway.into_network for cluster in clusters):
        directed = any(cluster.read_by is not None for cluster in clusters)
        where = ", into the network at the arrow" if directed else ""
        entries.append(Entry(TRAFFIC_PAINT, f"east-west traffic, mutual TLS{where}"))
    return tuple(entries)


def legend_height(entries: Sequence[Entry], room: float) -> float:
    """The height of the legend in `room` pixels of width."""
    return len(_lines(entries, room)) * palette.LEGEND_LINE


def draw_legend(canvas: Canvas, entries: Sequence[Entry], room: float, top: float) -> None:
    """Draw the entries from the left margin, with their first line at `top`."""
    for index, line in enumerate(_lines(entries, room)):
        x, y = palette.MARGIN, top + index * palette.LEGEND_LINE
        for entry in line:
            canvas.line([(x, y), (x + SAMPLE, y)], entry.paint)
            style = Type(size=SIZE, color=palette.MUTED)
            canvas.text(x + SAMPLE + 8, y + 4, entry.text, style, room - SAMPLE - 8)
            x += entry.width + SPACE


def _lines(entries: Sequence[Entry], room: float) -> list[list[Entry]]:
    lines: list[list[Entry]] = []
    for entry in entries:
        if lines and sum(other.width + SPACE for other in lines[-1]) + entry.width <= room:
            lines[-1].append(entry)
        else:
            lines.append([entry])
    return lines
