"""The picture of a request through the API portal: what each part of the way does with it."""

from __future__ import annotations

from dataclasses import dataclass

from meshfleet.picture.canvas import Box, Canvas, Paint, Type
from meshfleet.picture.palette import BAD, CONTROL, INK, MUTED, PAGE, TINTS, TRAFFIC
from meshfleet.picture.text import width

NAME = "portal-request.svg"
_WIDTH, _HEIGHT = 1040.0, 400.0
_TOP, _LINE, _SIZE = 96.0, 26.0, 12.0


@dataclass(frozen=True)
class _Part:
    """A box of the way: its title, what happens there in order, and what is answered instead."""

    title: str
    below: str
    steps: tuple[tuple[str, str], ...]


_PARTS = (
    _Part(
        "Sender",
        "kubectl, any client",
        (("GET /clusters/ohio/api/v1/pods", ""), ("a token, or a client certificate", "")),
    ),
    _Part(
        "Portal",
        "Envoy beside the host paris",
        (
            ("a path with one reading", "400"),
            ("Impersonate-* of the sender: removed", ""),
            ("token or certificate is good", "401"),
            ("name and groups are declared", "403"),
            ("fewer than 400 open requests", "429"),
            ("ohio is known, and answers", "404, 503"),
            ("a line in audit.jsonl", ""),
        ),
    ),
    _Part(
        "API server of ohio",
        "its own RBAC",
        (
            ("knows the portal's account", "401"),
            ("which may impersonate ada", "403"),
            ("ada may list pods", "403"),
        ),
    ),
)
_BOXES = (Box(28, _TOP, 232, 110), Box(368, _TOP, 316, 240), Box(752, _TOP, 260, 136))


def request_picture() -> str:
    """The picture as SVG."""
    words = "; ".join(f"{part.title}: {', '.join(step for step, _ in part.steps)}" for part in _PARTS)
    canvas = Canvas(_WIDTH, _HEIGHT, "A request through the API portal", f"{words}.")
    canvas.box(Box(0, 0, _WIDTH, _HEIGHT), Paint(PAGE))
    canvas.text(28, 47, "A request through the API portal", Type(22, INK, bold=True), 900)
    canvas.text(28, 68, "In red what is answered where a step does not hold", Type(13, MUTED), 900)
    for part, box, tint in zip(_PARTS, _BOXES, (TINTS[7], TINTS[0], TINTS[1]), strict=True):
        canvas.box(box, Paint(tint.area, tint.border, 1.5), 12)
        canvas.text(box.x + 16, box.y + 24, part.title, Type(14, tint.ink, bold=True), box.width - 32)
        canvas.text(box.x + 16, box.y + 42, part.below, Type(11.5, MUTED), box.width - 32)
        for number, (step, instead) in enumerate(part.steps, start=1):
            height = box.y + 44 + number * _LINE
            canvas.text(box.x + 16, height, step, Type(_SIZE, INK), box.width - 32 - width(instead, _SIZE))
            canvas.text(box.right - 16, height, instead, Type(_SIZE, BAD, bold=True, anchor="end"), 90)
    sender, portal, server = _BOXES
    _arrow(canvas, sender.right, portal.x, ("TLS", "HTTP/2 or 1.1"))
    _arrow(canvas, portal.right, server.x, ("", ""))
    notes = ("Authorization: its own account", "Impersonate-User: ada", "Impersonate-Group: staff")
    for number, note in enumerate(notes):
        canvas.text(portal.right + 14, server.bottom + 34 + number * 20, note, Type(11.5, CONTROL), 296)
    canvas.line(
        [((portal.right + server.x) / 2, _TOP + 64), ((portal.right + server.x) / 2, server.bottom + 20)], _thin()
    )
    last = "exec, attach, port-forward, followed logs and watches stay open in both directions, without a time limit"
    canvas.text(28, _HEIGHT - 28, last, Type(_SIZE, MUTED), 900)
    return canvas.to_svg()


def _thin() -> Paint:
    return Paint(stroke=CONTROL, dash="3 3")


def _arrow(canvas: Canvas, start: float, end: float, words: tuple[str, str]) -> None:
    y = _TOP + 58
    canvas.line([(start + 6, y), (end - 12, y)], Paint(stroke=TRAFFIC, thickness=2))
    canvas.line([(end - 14, y - 5), (end - 5, y), (end - 14, y + 5)], Paint(fill=TRAFFIC))
    for place, text in zip((y - 8, y + 18), words, strict=True):
        if text:
            canvas.text((start + end) / 2, place, text, Type(11.5, MUTED, anchor="middle"), end - start - 8)
