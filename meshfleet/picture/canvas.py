"""A sheet to draw on that becomes an SVG text: absolute coordinates, generic fonts, no script.

Source: https://www.w3.org/TR/SVG11/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from meshfleet.picture.text import legal, shortened

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, the origin at the top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The horizontal middle."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Paint:
    """Fill and stroke of a shape; `dash` is an SVG dash pattern such as `4 3`."""

    fill: str = "none"
    stroke: str = "none"
    thickness: float = 1.0
    dash: str = ""


@dataclass(frozen=True)
class Type:
    """How a text is set: size in pixels, colour, weight, and where `x` lies in it."""

    size: float = 12
    color: str = "#1f2937"
    bold: bool = False
    anchor: Anchor = "start"


class Canvas:
    """Collects shapes in the order they are drawn."""

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": number(width),
                "height": number(height),
                "viewBox": f"0 0 {number(width)} {number(height)}",
                "role": "img",
                "aria-labelledby": "title description",
                "font-family": "Helvetica, Arial, sans-serif",
            },
        )
        ElementTree.SubElement(self._root, "title", {"id": "title"}).text = legal(title)
        ElementTree.SubElement(self._root, "desc", {"id": "description"}).text = legal(description)

    def box(self, box: Box, paint: Paint, radius: float = 0, title: str = "") -> None:
        """A rectangle with rounded corners; `title` is shown when a pointer rests on it."""
        attributes = {
            "x": number(box.x),
            "y": number(box.y),
            "width": number(box.width),
            "height": number(box.height),
            "rx": number(radius),
        }
        self._shape("rect", attributes, paint, title)

    def circle(self, x: float, y: float, radius: float, paint: Paint, title: str = "") -> None:
        """A circle around (x, y)."""
        self._shape("circle", {"cx": number(x), "cy": number(y), "r": number(radius)}, paint, title)

    def line(self, points: Sequence[tuple[float, float]], paint: Paint, title: str = "") -> None:
        """A line through `points`; filled when `paint` has a fill, which makes it a polygon."""
        tag = "polyline" if paint.fill == "none" else "polygon"
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._shape(tag, {"points": path}, paint, title)

    def text(self, x: float, y: float, text: str, style: Type, room: float, title: str = "") -> None:
        """One line of text with its baseline at `y`, cut to `room` pixels.

        A text that was cut, or that has a `title`, shows the whole of it when a pointer rests on it.
        """
        whole = legal(text)
        shown = shortened(whole, style.size, room, style.bold)
        if not shown:
            return
        attributes = {
            "x": number(x),
            "y": number(y),
            "font-size": number(style.size),
            "fill": style.color,
        }
        if style.bold:
            attributes["font-weight"] = "bold"
        if style.anchor != "start":
            attributes["text-anchor"] = style.anchor
        hint = legal(title) or (whole if shown != whole else "")
        parent = self._root
        if hint:
            parent = ElementTree.SubElement(self._root, "g")
            ElementTree.SubElement(parent, "title").text = hint
        ElementTree.SubElement(parent, "text", attributes).text = shown

    def to_svg(self) -> str:
        """The whole sheet as one SVG document, ending with a newline."""
        ElementTree.indent(self._root, space=" ")
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"

    def _shape(self, tag: str, attributes: dict[str, str], paint: Paint, title: str) -> None:
        attributes["fill"] = paint.fill
        if paint.stroke != "none":
            attributes["stroke"] = paint.stroke
            attributes["stroke-width"] = number(paint.thickness)
        if paint.dash:
            attributes["stroke-dasharray"] = paint.dash
        element = ElementTree.SubElement(self._root, tag, attributes)
        if title:
            ElementTree.SubElement(element, "title").text = legal(title)


def number(value: float) -> str:
    """A coordinate with at most one decimal, and none where it is whole."""
    return f"{value:.1f}".removesuffix(".0")
