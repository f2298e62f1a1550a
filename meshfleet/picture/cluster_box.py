"""One cluster as a box: name, role, place, control plane, virtual machines, propagated objects, gateway."""

from __future__ import annotations

from meshfleet.picture import palette
from meshfleet.picture.canvas import Box, Canvas, Paint, Type
from meshfleet.picture.layout import PlacedCluster, machines_height
from meshfleet.picture.lines import trust_x
from meshfleet.picture.text import shortened, width
from meshfleet.picture.view import (
    ClusterPicture,
    GatewayPicture,
    NetworkPicture,
    ObjectPicture,
    VirtualMachinePicture,
)

PADDING = 14.0
NAME_SIZES = (16.0, 14.0, 12.0)
"""A long name is set smaller before it is cut."""


def draw_cluster(canvas: Canvas, cluster: PlacedCluster, ink: str, border: str) -> None:
    """Draw one placed cluster in its network's colours `ink` and `border`."""
    view, box = cluster.view, cluster.box
    canvas.box(box, Paint(fill=palette.PAGE, stroke=border, thickness=1.5), radius=9)
    _heading(canvas, view, box)
    # A cloud's zone begins with its region; once is enough.
    parts = (view.zone,) if view.zone.startswith(view.region) and view.zone else (view.region, view.zone)
    place = "/".join(part for part in parts if part)
    room = box.width - 2 * PADDING
    where = " · ".join(part for part in (view.provider, place) if part)
    canvas.text(box.x + PADDING, box.y + 49, where, Type(size=12, color=palette.MUTED), room)
    what = " · ".join(part for part in (_kubernetes(view), view.data_plane, _readers(view)) if part)
    canvas.text(box.x + PADDING, box.y + 67, what, Type(size=12, color=palette.MUTED), room)
    _control_plane(canvas, view, Box(box.x + 10, box.y + 79, box.width - 20, 28))
    top = box.y + palette.CLUSTER_HEIGHT - 2
    draw_machines(canvas, view.virtual_machines, box.x, top, box.width)
    _rows(canvas, view, Box(box.x + 10, top + machines_height(view), box.width - 20, palette.ROW_HEIGHT - 3))
    _intermediate(canvas, cluster)
    if cluster.gateway:
        _gateway(canvas, view, cluster.gateway, ink)


def draw_mark(canvas: Canvas, x: float, y: float, good: bool, title: str) -> None:
    """A green tick or a red cross of 18 pixels around (x, y)."""
    canvas.circle(x, y, 9, Paint(fill=palette.GOOD if good else palette.BAD), title)
    stroke = Paint(stroke=palette.PAGE, thickness=2)
    if good:
        canvas.line([(x - 4, y), (x - 1, y + 3.5), (x + 4.5, y - 3.5)], stroke)
    else:
        canvas.line([(x - 3.5, y - 3.5), (x + 3.5, y + 3.5)], stroke)
        canvas.line([(x - 3.5, y + 3.5), (x + 3.5, y - 3.5)], stroke)


def _heading(canvas: Canvas, view: ClusterPicture, box: Box) -> None:
    left, room = box.x + PADDING, box.width - 2 * PADDING
    if view.verified is not None:
        state = "verified" if view.verified else "verification failed"
        draw_mark(canvas, left + 9, box.y + 23, view.verified, f"{view.name}: {state}")
        left, room = left + 25, room - 25
    role_width = width(view.role, 11, bold=True) + 16
    room -= role_width + 8
    size = next((size for size in NAME_SIZES if width(view.name, size, bold=True) <= room), NAME_SIZES[-1])
    canvas.text(left, box.y + 28, view.name, Type(size=size, bold=True), room)
    pill = Box(box.right - PADDING - role_width, box.y + 15, role_width, 19)
    host = view.role == "host"
    paint = Paint(fill=palette.INK) if host else Paint(fill=palette.PAGE, stroke=palette.FAINT)
    canvas.box(pill, paint, radius=9.5)
    color = palette.PAGE if host else palette.MUTED
    canvas.text(pill.middle, pill.y + 13.5, view.role, Type(11, color, bold=True, anchor="middle"), pill.width)


def _kubernetes(view: ClusterPicture) -> str:
    return f"Kubernetes {view.kubernetes}" if view.kubernetes else ""


def _readers(view: ClusterPicture) -> str:
    if view.read_by is None:
        return ""
    return f"read by {', '.join(view.read_by)}" if view.read_by else "read by no other"


def _control_plane(canvas: Canvas, view: ClusterPicture, box: Box) -> None:
    plane = view.control_plane
    if plane.kind == "own":
        canvas.box(box, Paint(fill=palette.CONTROL), radius=6)
        label, color, bold = "istiod", palette.PAGE, True
        hint = f"{view.name} has its own control plane"
    else:
        canvas.box(box, Paint(fill=palette.CONTROL_AREA, stroke=palette.CONTROL, dash="4 3"), radius=6)
        inside = plane.kind == "external"
        label, color, bold = f"{plane.kind}: istiod {'in' if inside else 'of'} {plane.of}", palette.CONTROL, False
        whose = "a control plane that runs in" if inside else "the control plane of"
        hint = f"{view.name} is served by {whose} {plane.of}"
    # A cluster without a control plane of its own has the revision of the one that serves it.
    own_revision = f"rev {plane.revision}" if plane.revision and plane.kind == "own" else ""
    revision = shortened(own_revision, 11, box.width * 0.5)
    taken = width(revision, 11) + 10 if revision else 0
    style = Type(size=12.5, color=color, bold=bold)
    canvas.text(box.x + 10, box.y + 18.5, label, style, box.width - 20 - taken, hint)
    canvas.text(box.right - 10, box.y + 18.5, revision, Type(11, color, anchor="end"), box.width * 0.5)


def draw_machines(
    canvas: Canvas, machines: tuple[VirtualMachinePicture, ...], left: float, top: float, room: float
) -> None:
    """Draw virtual machines in two columns from the corner (left, top), in `room` pixels of width."""
    wide = (room - 26) / 2
    for index, machine in enumerate(machines[: palette.MACHINES_SHOWN]):
        x = left + 10 + (index % 2) * (wide + 6)
        y = top + (index // 2) * palette.MACHINE_HEIGHT
        small = Box(x, y, wide, palette.MACHINE_HEIGHT - 4)
        canvas.box(small, Paint(fill=palette.MESH_AREA, stroke=palette.FAINT), radius=4)
        hint = f"virtual machine {machine.name} {machine.address}".rstrip()
        canvas.text(small.x + 6, small.y + 14, f"VM {machine.name}", Type(size=10.5), small.width - 12, hint)
    hidden = machines[palette.MACHINES_SHOWN :]
    if hidden:
        y = top + (palette.MACHINES_SHOWN // 2) * palette.MACHINE_HEIGHT
        names = ", ".join(machine.name for machine in hidden)
        text = f"and {len(hidden)} more virtual machines"
        canvas.text(left + 10, y + 14, text, Type(size=10.5, color=palette.MUTED), room - 20, names)


def _rows(canvas: Canvas, view: ClusterPicture, row: Box) -> None:
    """The API portal and the propagated objects, one below the other, of which `row` is the first."""
    if view.portal:
        canvas.box(row, Paint(fill=palette.PAGE, stroke=palette.CONTROL, dash="4 3"), radius=4)
        hint = f"API portal on {view.name}: every API server under one address"
        canvas.text(row.x + 6, row.y + 12.5, "API portal", Type(10.5, palette.CONTROL), row.width - 12, hint)
        row = _below(row)
    for one in view.propagated[: palette.OBJECTS_SHOWN]:
        canvas.box(row, Paint(fill=palette.MESH_AREA, stroke=palette.FAINT), radius=4)
        replicas = _replicas(one)
        taken = width(replicas, 10.5, bold=True) + 8 if replicas else 0
        style = Type(size=10.5)
        canvas.text(row.x + 6, row.y + 12.5, f"{one.kind} {one.name}", style, row.width - 12 - taken, _in_words(one))
        canvas.text(row.right - 6, row.y + 12.5, replicas, Type(10.5, bold=True, anchor="end"), row.width / 2)
        row = _below(row)
    if hidden := view.propagated[palette.OBJECTS_SHOWN :]:
        names = ", ".join(map(_in_words, hidden))
        text = f"and {len(hidden)} more propagated objects"
        canvas.text(row.x, row.y + 12.5, text, Type(size=10.5, color=palette.MUTED), row.width, names)


def _below(row: Box) -> Box:
    return Box(row.x, row.y + palette.ROW_HEIGHT, row.width, row.height)


def _in_words(one: ObjectPicture) -> str:
    where = f"{one.namespace}/{one.name}" if one.namespace else one.name
    return ", ".join(filter(None, (f"{one.kind} {where}", _replicas(one))))


def _replicas(one: ObjectPicture) -> str:
    if one.replicas is None:
        return ""
    return f"{one.replicas} replica" + ("" if one.replicas == 1 else "s")


def _intermediate(canvas: Canvas, cluster: PlacedCluster) -> None:
    """A badge on the upper border, where the line from the root ends."""
    if not cluster.view.authority:
        return
    x, y = trust_x(cluster), cluster.box.y
    hint = f"intermediate CA of {cluster.view.name}, issued by the root"
    badge = Box(x - 13, y - 9, 26, 18)
    canvas.box(badge, Paint(fill=palette.TRUST_AREA, stroke=palette.TRUST, thickness=1.5), radius=9, title=hint)
    style = Type(size=10, color=palette.TRUST, bold=True, anchor="middle")
    canvas.text(x, y + 3.6, "CA", style, badge.width, hint)


def _gateway(canvas: Canvas, view: ClusterPicture, box: Box, ink: str) -> None:
    """A pill on the lower border of the network."""
    if gateway := view.gateway:
        kind = "east-west gateway of" if gateway.into_network else "gateway to the control planes in"
        hint = f"{kind} {view.name}: {gateway.address or 'no address yet'}, port {gateway.port}"
        _pill(canvas, gateway, box, ink, hint)


def draw_declared_gateway(canvas: Canvas, network: NetworkPicture, box: Box, ink: str) -> None:
    """Draw the first of the gateways that are declared for a network of machines alone; the hint names all."""
    all_of_them = ", ".join(f"{one.address}, port {one.port}" for one in network.gateways)
    _pill(canvas, network.gateways[0], box, ink, f"declared gateway into {network.name}: {all_of_them}")


def _pill(canvas: Canvas, gateway: GatewayPicture, box: Box, ink: str, hint: str) -> None:
    color = palette.TRAFFIC if gateway.into_network else palette.CONTROL
    canvas.box(box, Paint(fill=palette.PAGE, stroke=color, thickness=1.5), radius=12)
    address = f"[{gateway.address}]" if ":" in gateway.address else gateway.address
    canvas.line([(box.x + 12, box.y + 8), (box.x + 19, box.y + 12), (box.x + 12, box.y + 16)], Paint(fill=color))
    style = Type(size=11.5, color=ink, bold=True, anchor="middle")
    label = f"{address or 'gateway '}:{gateway.port}"
    canvas.text(box.middle + 6, box.y + 16, label, style, box.width - 44, hint)
