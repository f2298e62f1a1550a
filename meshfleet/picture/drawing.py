"""The whole picture: title, meshes with their networks and clusters, the lines between them, a legend."""

from __future__ import annotations

from datetime import datetime

from meshfleet.picture import palette
from meshfleet.picture.canvas import Box, Canvas, Paint, Type
from meshfleet.picture.cluster_box import draw_cluster, draw_declared_gateway, draw_machines, draw_mark
from meshfleet.picture.layout import PlacedFleet, PlacedMesh, place
from meshfleet.picture.legend import draw_legend, legend_entries, legend_height
from meshfleet.picture.lines import draw_control, draw_traffic, draw_trust
from meshfleet.picture.palette import TINTS, Tint
from meshfleet.picture.text import width
from meshfleet.picture.view import ClusterPicture, FleetPicture, NetworkPicture

ALGORITHM_NAMES = {"ecdsa-p256": "ECDSA P-256", "rsa-4096": "RSA 4096"}


def draw(view: FleetPicture) -> str:
    """A standalone SVG document of `view`: no script, nothing loaded, the same bytes for the same view."""
    placed = place(view)
    entries = legend_entries(view)
    bottom = placed.bottom + legend_height(entries, placed.width - 2 * palette.MARGIN)
    canvas = Canvas(placed.width, bottom + 6, f"Fleet {view.name}", _description(view))
    canvas.box(Box(0, 0, placed.width, bottom + 6), Paint(fill=palette.PAGE))
    _title(canvas, view, placed)
    names = dict.fromkeys(network.name for mesh in view.meshes for network in mesh.networks)
    tints = {name: TINTS[index % len(TINTS)] for index, name in enumerate(names)}
    for mesh in placed.meshes:
        _mesh(canvas, mesh, tints)
    draw_legend(canvas, entries, placed.width - 2 * palette.MARGIN, placed.bottom)
    return canvas.to_svg()


def _title(canvas: Canvas, view: FleetPicture, placed: PlacedFleet) -> None:
    room = placed.width - 2 * palette.MARGIN
    x, y = palette.MARGIN, palette.MARGIN
    verdicts = [cluster.verified for cluster in _clusters(view) if cluster.verified is not None]
    if verdicts:
        good = all(verdicts)
        text = "verified" if good else f"verification failed for {verdicts.count(False)} of {len(verdicts)}"
        color = palette.GOOD if good else palette.BAD
        draw_mark(canvas, placed.width - x - 9, y + 12.5, good, text)
        style = Type(13, color, bold=True, anchor="end")
        canvas.text(placed.width - x - 25, y + 17, text, style, room / 2)
        room -= min(width(text, 13, bold=True), room / 2) + 40
    canvas.text(x, y + 19, f"Fleet {view.name}", Type(size=22, bold=True), room)
    facts = " · ".join([*_counts(view), *view.facts])
    canvas.text(x, y + 40, facts, Type(size=13, color=palette.MUTED), placed.width - 2 * palette.MARGIN)


def _mesh(canvas: Canvas, mesh: PlacedMesh, tints: dict[str, Tint]) -> None:
    view, frame = mesh.view, mesh.frame
    canvas.box(frame, Paint(fill=palette.MESH_AREA, stroke=palette.MESH_BORDER, thickness=1.5), radius=14)
    name = f"Mesh {view.name}"
    room = frame.width - 36
    canvas.text(frame.x + 18, frame.y + 25, name, Type(size=15, bold=True), room)
    taken = min(width(name, 15, bold=True), room) + 12
    canvas.text(frame.x + 18 + taken, frame.y + 25, view.model, Type(12, palette.MUTED), room - taken)
    for network in mesh.networks:
        tint = tints[network.name]
        canvas.box(network.area, Paint(fill=tint.area, stroke=tint.border, thickness=1.5), radius=12)
        x, y = network.area.x + palette.NETWORK_PADDING, network.area.y + 20
        style = Type(size=12.5, color=tint.ink, bold=True)
        canvas.text(x, y, network.name, style, network.title_room, f"network {network.name}")
        top = network.area.y + palette.NETWORK_TITLE
        draw_machines(canvas, network.view.machines, x - 10, top + 8, palette.CLUSTER_WIDTH)
    draw_trust(canvas, mesh)
    draw_control(canvas, mesh)
    draw_traffic(canvas, mesh)
    _root(canvas, mesh)
    network_of = {cluster.name: network.name for network in view.networks for cluster in network.clusters}
    for network in mesh.networks:
        if network.gateway:
            draw_declared_gateway(canvas, network.view, network.gateway, tints[network.name].ink)
    for row in mesh.rows:
        for cluster in row.clusters:
            tint = tints[network_of[cluster.view.name]]
            draw_cluster(canvas, cluster, tint.ink, tint.border)


def _root(canvas: Canvas, mesh: PlacedMesh) -> None:
    view, box = mesh.view, mesh.root
    canvas.box(box, Paint(fill=palette.TRUST_AREA, stroke=palette.TRUST, thickness=1.5), radius=10)
    room = box.width - 24
    heading = Type(size=13, color=palette.TRUST, bold=True, anchor="middle")
    canvas.text(box.middle, box.y + 17.5, f"Root CA of {view.name}", heading, room)
    until = f"valid until {_day(view.root_not_after)}" if view.root_not_after else ""
    kind = ALGORITHM_NAMES.get(view.algorithm, view.algorithm)
    domain = f"trust domain {view.trust_domain}" if view.trust_domain else "one root for every cluster"
    details = Type(11, palette.MUTED, anchor="middle")
    canvas.text(box.middle, box.y + 33.5, domain, details, room)
    canvas.text(box.middle, box.y + 48, " · ".join(part for part in (kind, until) if part), details, room)


def _day(moment: str) -> str:
    """The date of an RFC 3339 time; the text itself if it is none."""
    try:
        return datetime.fromisoformat(moment).date().isoformat()
    except ValueError:
        return moment


def _counts(view: FleetPicture) -> list[str]:
    clusters = _clusters(view)
    networks = {network.name for mesh in view.meshes for network in mesh.networks}
    machines = sum(len(cluster.virtual_machines) for cluster in clusters)
    machines += sum(len(network.machines) for mesh in view.meshes for network in mesh.networks)
    counts = [
        _count(len(clusters), "cluster", "clusters"),
        _count(len(networks), "network", "networks"),
        _count(len(view.meshes), "mesh", "meshes"),
    ]
    return [*counts, *([_count(machines, "virtual machine", "virtual machines")] if machines else [])]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _description(view: FleetPicture) -> str:
    """The picture in words, for those who do not see it."""
    sentences = [f"{', '.join(_counts(view))}."]
    for mesh in view.meshes:
        parts = [f"network {network.name} with {', '.join(_on_it(network))}" for network in mesh.networks]
        sentences.append(f"Mesh {mesh.name}: {'; '.join(parts)}.")
        sentences += [
            f"{cluster.name} is read by {', '.join(cluster.read_by) or 'no other cluster'}."
            for network in mesh.networks
            for cluster in network.clusters
            if cluster.read_by is not None
        ]
    return " ".join(sentences)


def _on_it(network: NetworkPicture) -> list[str]:
    """What is on a network: its clusters, or its machines alone."""
    return [one.name for one in network.clusters] or [f"virtual machine {one.name}" for one in network.machines]


def _clusters(view: FleetPicture) -> list[ClusterPicture]:
    return [cluster for mesh in view.meshes for network in mesh.networks for cluster in network.clusters]
