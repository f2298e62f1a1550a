"""Where everything goes: pure geometry from a view to boxes, before anything is drawn.

Clusters stand in rows. Above each row runs a lane for trust (and one for each control plane that serves
others), below it one for east-west traffic; what joins the rows runs at the sides. So lines grow with the
number of clusters and not with its square, and none crosses a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

from meshfleet.picture import palette
from meshfleet.picture.canvas import Box
from meshfleet.picture.view import ClusterPicture, FleetPicture, MeshPicture, NetworkPicture


@dataclass(frozen=True)
class PlacedCluster:
    """A cluster's box, and that of its gateway where it has one."""

    view: ClusterPicture
    box: Box
    gateway: Box | None


@dataclass(frozen=True)
class PlacedRow:
    """Clusters side by side and the heights of their lanes; `control_y` is by serving cluster.

    `gateways` are those into networks of machines alone.
    """

    clusters: tuple[PlacedCluster, ...]
    trust_y: float
    control_y: dict[str, float]
    traffic_y: float
    gateways: tuple[Box, ...] = ()


@dataclass(frozen=True)
class PlacedNetwork:
    """A network's area; `title_room` is how much of its first line is free for its name.

    `gateway` is the box of the first declared gateway into a network of machines alone.
    """

    name: str
    area: Box
    title_room: float
    view: NetworkPicture
    gateway: Box | None = None


@dataclass(frozen=True)
class PlacedMesh:
    """A mesh's frame with all that stands in it."""

    view: MeshPicture
    frame: Box
    root: Box
    networks: tuple[PlacedNetwork, ...]
    rows: tuple[PlacedRow, ...]


@dataclass(frozen=True)
class PlacedFleet:
    """The whole sheet without its legend: `bottom` is where that may start."""

    width: float
    bottom: float
    meshes: tuple[PlacedMesh, ...]


@dataclass(frozen=True)
class _Segment:
    """A part of a network that stands in one row; `last` when none of it follows."""

    network: int
    view: NetworkPicture
    clusters: tuple[ClusterPicture, ...]
    columns: int
    last: bool

    @property
    def width(self) -> float:
        inner = self.columns * palette.CLUSTER_WIDTH + (self.columns - 1) * palette.CLUSTER_GAP
        return inner + 2 * palette.NETWORK_PADDING


def place(fleet: FleetPicture) -> PlacedFleet:
    """Give everything of `fleet` its place. The same view gives the same places."""
    rows = [_rows(mesh) for mesh in fleet.meshes]
    naturals = [_natural_width(mesh, row) for mesh, row in zip(fleet.meshes, rows, strict=True)]
    page = max([palette.PAGE_MINIMUM, *naturals])
    shelves = _shelves(naturals, max(page, palette.PAGE_WIDE))
    if any(len(shelf) > 1 for shelf in shelves):
        page = max([page, *(_shelf_width([naturals[index] for index in shelf]) for shelf in shelves)])
    placed: list[PlacedMesh] = []
    top = palette.MARGIN + palette.TITLE_HEIGHT
    for shelf in shelves:
        stretch = (page - _shelf_width([naturals[index] for index in shelf])) / len(shelf)
        left = palette.MARGIN
        height = max(_mesh_height(fleet.meshes[index], rows[index]) for index in shelf)
        for index in shelf:
            frame = Box(left, top, naturals[index] + stretch, height)
            placed.append(_place_mesh(fleet.meshes[index], rows[index], frame))
            left = frame.right + palette.MESH_GAP
        top += height + palette.MESH_GAP
    return PlacedFleet(width=page + 2 * palette.MARGIN, bottom=top, meshes=tuple(placed))


def serving(mesh: MeshPicture) -> tuple[str, ...]:
    """The clusters of `mesh` whose control planes serve other clusters of it, in order."""
    clusters = [cluster for network in mesh.networks for cluster in network.clusters]
    wanted = {cluster.control_plane.of for cluster in clusters if cluster.control_plane.kind != "own"}
    return tuple(cluster.name for cluster in clusters if cluster.name in wanted)


def _columns(count: int) -> int:
    """How many clusters stand side by side: up to four in one row, then rows of about equal length."""
    if count <= 4:
        return max(count, 1)
    rows = ceil(count / 4) if count <= 16 else ceil(sqrt(count / 2))
    return ceil(count / rows)


def _rows(mesh: MeshPicture) -> list[list[_Segment]]:
    """The networks of a mesh in rows; one too large for a row has rows of its own."""
    # Machines alone take as much room as a cluster.
    columns = _columns(sum(max(len(network.clusters), 1) for network in mesh.networks))
    rows: list[list[_Segment]] = [[]]
    for index, network in enumerate(mesh.networks):
        count = max(len(network.clusters), 1)
        if count > columns:
            per_row = ceil(count / ceil(count / columns))
            chunks = [network.clusters[start : start + per_row] for start in range(0, count, per_row)]
            rows += [[_Segment(index, network, chunk, per_row, chunk is chunks[-1])] for chunk in chunks] + [[]]
            continue
        if sum(segment.columns for segment in rows[-1]) + count > columns:
            rows.append([])
        rows[-1].append(_Segment(index, network, network.clusters, count, last=True))
    return [row for row in rows if row]


def _row_width(row: Sequence[_Segment]) -> float:
    return sum(segment.width for segment in row) + (len(row) - 1) * palette.NETWORK_GAP


def _side(mesh: MeshPicture) -> float:
    return palette.SIDE + palette.CONTROL_LANE * len(serving(mesh))


def _natural_width(mesh: MeshPicture, rows: Sequence[Sequence[_Segment]]) -> float:
    widest = max([palette.ROOT_WIDTH, *(_row_width(row) for row in rows)])
    return widest + 2 * _side(mesh)


def _shelf_width(widths: Sequence[float]) -> float:
    return sum(widths) + (len(widths) - 1) * palette.MESH_GAP


def _shelves(widths: Sequence[float], limit: float) -> list[list[int]]:
    """Indices of the meshes, in order, as many side by side as `limit` allows."""
    shelves: list[list[int]] = []
    for index in range(len(widths)):
        if shelves and _shelf_width([widths[other] for other in [*shelves[-1], index]]) <= limit:
            shelves[-1].append(index)
        else:
            shelves.append([index])
    return shelves


def _has_gateways(row: Sequence[_Segment]) -> bool:
    return any(segment.view.gateways or any(cluster.gateway for cluster in segment.clusters) for segment in row)


def machines_height(cluster: ClusterPicture) -> float:
    """The height of the virtual machines in a cluster's box; 0 without any."""
    shown = min(len(cluster.virtual_machines), palette.MACHINES_SHOWN)
    lines = ceil(shown / 2) + (len(cluster.virtual_machines) > palette.MACHINES_SHOWN)
    return lines * palette.MACHINE_HEIGHT


def cluster_height(cluster: ClusterPicture) -> float:
    """The height a cluster's box needs for what it shows."""
    objects = len(cluster.propagated)
    rows = cluster.portal + min(objects, palette.OBJECTS_SHOWN) + (objects > palette.OBJECTS_SHOWN)
    below = machines_height(cluster) + rows * palette.ROW_HEIGHT
    return palette.CLUSTER_HEIGHT + below + (6 if below else 0)


def _clusters_height(row: Sequence[_Segment]) -> float:
    heights = [cluster_height(cluster) for segment in row for cluster in segment.clusters]
    return max([palette.CLUSTER_HEIGHT, *heights])


def _row_height(mesh: MeshPicture, row: Sequence[_Segment]) -> float:
    lanes = palette.TRUST_LANE + palette.CONTROL_LANE * len(serving(mesh))
    area = palette.NETWORK_TITLE + _clusters_height(row) + palette.NETWORK_BOTTOM
    return lanes + area + (palette.TRAFFIC_LANE if _has_gateways(row) else 0)


def _mesh_height(mesh: MeshPicture, rows: Sequence[Sequence[_Segment]]) -> float:
    heights = sum(_row_height(mesh, row) for row in rows) + (len(rows) - 1) * palette.ROW_GAP
    return palette.MESH_TITLE + palette.ROOT_HEIGHT + heights + palette.MESH_BOTTOM


def _place_mesh(mesh: MeshPicture, rows: Sequence[Sequence[_Segment]], frame: Box) -> PlacedMesh:
    root_x = frame.middle - palette.ROOT_WIDTH / 2
    root = Box(root_x, frame.y + palette.MESH_TITLE, palette.ROOT_WIDTH, palette.ROOT_HEIGHT)
    placed: list[PlacedRow] = []
    areas: dict[int, PlacedNetwork] = {}
    top = root.bottom
    for row in rows:
        trust_y = top + palette.TRUST_LANE - 8
        lanes = {name: trust_y + palette.CONTROL_LANE * (index + 1) for index, name in enumerate(serving(mesh))}
        area_y = top + palette.TRUST_LANE + palette.CONTROL_LANE * len(lanes)
        height = palette.NETWORK_TITLE + _clusters_height(row) + palette.NETWORK_BOTTOM
        left = frame.middle - _row_width(row) / 2
        clusters: list[PlacedCluster] = []
        gateways: list[Box] = []
        for segment in row:
            area = Box(left, area_y, segment.width, height)
            areas[segment.network] = network = _joined(areas.get(segment.network), segment, area, bool(lanes))
            gateways += [network.gateway] if network.gateway else []
            clusters += _place_clusters(segment, area, _clusters_height(row))
            left = area.right + palette.NETWORK_GAP
        traffic_y = area_y + height + palette.TRAFFIC_LANE - 10
        placed.append(PlacedRow(tuple(clusters), trust_y, lanes, traffic_y, tuple(gateways)))
        top += _row_height(mesh, row) + palette.ROW_GAP
    return PlacedMesh(mesh, frame, root, tuple(areas.values()), tuple(placed))


def _joined(before: PlacedNetwork | None, segment: _Segment, area: Box, lanes: bool) -> PlacedNetwork:
    """The network's area, grown by what stands in a further row."""
    if before is not None:
        whole = Box(before.area.x, before.area.y, before.area.width, area.bottom - before.area.y)
        return replace(before, area=whole)
    # The lines to the first cluster come down at its right, where the name must not be.
    taken = 76 if lanes else 46
    gateway = _gateway_box(area.middle, area) if segment.view.gateways else None
    return PlacedNetwork(segment.view.name, area, palette.CLUSTER_WIDTH - taken, segment.view, gateway)


def _gateway_box(middle: float, area: Box) -> Box:
    """A gateway's box on the lower border of a network."""
    x, y = middle - palette.GATEWAY_WIDTH / 2, area.bottom - palette.GATEWAY_HEIGHT / 2
    return Box(x, y, palette.GATEWAY_WIDTH, palette.GATEWAY_HEIGHT)


def _place_clusters(segment: _Segment, area: Box, height: float) -> list[PlacedCluster]:
    placed = []
    for index, cluster in enumerate(segment.clusters):
        x = area.x + palette.NETWORK_PADDING + index * (palette.CLUSTER_WIDTH + palette.CLUSTER_GAP)
        box = Box(x, area.y + palette.NETWORK_TITLE, palette.CLUSTER_WIDTH, height)
        gateway = _gateway_box(box.middle, area) if cluster.gateway else None
        placed.append(PlacedCluster(cluster, box, gateway))
    return placed
