"""The lines between clusters: trust from the root, control planes that serve others, traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from meshfleet.picture import palette
from meshfleet.picture.canvas import Box, Canvas, Paint
from meshfleet.picture.layout import PlacedCluster, PlacedMesh, PlacedRow, serving

Point = tuple[float, float]

TRUST_PAINT = Paint(stroke=palette.TRUST, thickness=1.5, dash="5 3")
TRAFFIC_PAINT = Paint(stroke=palette.TRAFFIC, thickness=2)
CONTROL_PAINT = Paint(stroke=palette.CONTROL, thickness=1.8)


def trust_x(cluster: PlacedCluster) -> float:
    """Where the line from the root meets the top of a cluster's box."""
    return cluster.box.right - 30


def control_x(cluster: PlacedCluster) -> float:
    """Where lines of control planes meet the top of a cluster's box."""
    return cluster.box.right - 60


def draw_trust(canvas: Canvas, mesh: PlacedMesh) -> None:
    """From the root down to every intermediate."""
    issued = [(row, [cluster for cluster in row.clusters if cluster.view.authority]) for row in mesh.rows]
    if not any(clusters for _, clusters in issued):
        return
    # The first row is on the way to those below it.
    issued = [(row, clusters) for number, (row, clusters) in enumerate(issued) if clusters or number == 0]
    heights = [row.trust_y for row, _ in issued]
    side = mesh.frame.x + 14
    _line(canvas, [(mesh.root.middle, mesh.root.bottom), (mesh.root.middle, heights[0])], TRUST_PAINT)
    for number, (row, clusters) in enumerate(issued):
        drops = [trust_x(cluster) for cluster in clusters]
        ends = [*drops, *([mesh.root.middle] if number == 0 else []), *([side] if len(heights) > 1 else [])]
        _line(canvas, [(min(ends), row.trust_y), (max(ends), row.trust_y)], TRUST_PAINT)
        for cluster, x in zip(clusters, drops, strict=True):
            _line(canvas, [(x, row.trust_y), (x, cluster.box.y)], TRUST_PAINT)
    _joined(canvas, side, heights, TRUST_PAINT)


def draw_traffic(canvas: Canvas, mesh: PlacedMesh) -> None:
    """One rail that all gateways into networks of a mesh share: each reaches every other network's.

    Where discovery has a direction, requests go to the gateways at the arrows, from the clusters that read those.
    """
    clusters = [cluster.view for row in mesh.rows for cluster in row.clusters]
    readers = {name for view in clusters for name in view.read_by or ()}
    gateways = [
        [*(box for cluster in row.clusters if (box := _way_in(cluster, readers))), *row.gateways] for row in mesh.rows
    ]
    if sum(len(boxes) for boxes in gateways) < 2:
        return
    side = mesh.frame.right - 14
    used = [(row.traffic_y, boxes) for row, boxes in zip(mesh.rows, gateways, strict=True) if boxes]
    for y, boxes in used:
        ends = [*(box.middle for box in boxes), *([side] if len(used) > 1 else [])]
        _line(canvas, [(min(ends), y), (max(ends), y)], TRAFFIC_PAINT)
        for box in boxes:
            _line(canvas, [(box.middle, box.bottom), (box.middle, y)], TRAFFIC_PAINT)
    _joined(canvas, side, [y for y, _ in used], TRAFFIC_PAINT)
    for cluster in (cluster for row in mesh.rows for cluster in row.clusters):
        if cluster.view.read_by and (box := _way_in(cluster, readers)):
            _arrow_head(canvas, box.middle, box.bottom, TRAFFIC_PAINT, upwards=True)


def draw_control(canvas: Canvas, mesh: PlacedMesh) -> None:
    """An arrow from each cluster without a control plane of its own to the one that serves it."""
    for index, name in enumerate(serving(mesh.view)):
        side = mesh.frame.x + 14 + palette.CONTROL_LANE * (index + 1)
        used = [(row, _part_in(row, name)) for row in mesh.rows]
        used = [(row, part) for row, part in used if part]
        for row, part in used:
            y = row.control_y[name]
            ends = [*(control_x(cluster) for cluster in part), *([side] if len(used) > 1 else [])]
            _line(canvas, [(min(ends), y), (max(ends), y)], CONTROL_PAINT)
            for cluster in part:
                x = control_x(cluster)
                _line(canvas, [(x, y), (x, cluster.box.y)], CONTROL_PAINT)
                if cluster.view.name == name:
                    _arrow_head(canvas, x, cluster.box.y, CONTROL_PAINT)
        _joined(canvas, side, [row.control_y[name] for row, _ in used], CONTROL_PAINT)


def _way_in(cluster: PlacedCluster, readers: Collection[str]) -> Box | None:
    """The gateway into a cluster's network, where it has one and reads another cluster or is read."""
    gateway, read_by = cluster.view.gateway, cluster.view.read_by
    joined = read_by is None or bool(read_by) or cluster.view.name in readers
    return cluster.gateway if gateway and gateway.into_network and joined else None


def _part_in(row: PlacedRow, name: str) -> list[PlacedCluster]:
    """The clusters of a row that the control plane of `name` serves, and `name` itself."""
    return [
        cluster
        for cluster in row.clusters
        if cluster.view.name == name
        or (cluster.view.control_plane.kind != "own" and cluster.view.control_plane.of == name)
    ]


def _arrow_head(canvas: Canvas, x: float, y: float, paint: Paint, *, upwards: bool = False) -> None:
    base = y + 9 if upwards else y - 9
    canvas.line([(x, y), (x - 5, base), (x + 5, base)], Paint(fill=paint.stroke))


def _joined(canvas: Canvas, x: float, heights: Sequence[float], paint: Paint) -> None:
    for upper, lower in pairwise(heights):
        _line(canvas, [(x, upper), (x, lower)], paint)


def _line(canvas: Canvas, points: list[Point], paint: Paint) -> None:
    if points[0] != points[-1]:
        canvas.line(points, paint)
