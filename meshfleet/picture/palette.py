"""Colours and measures of the picture, in one place. Measures are pixels."""

from __future__ import annotations

from typing import Final, NamedTuple


class Tint(NamedTuple):
    """A network's colours: the area, its border, its name."""

    area: str
    border: str
    ink: str


PAGE: Final = "#ffffff"
INK: Final = "#1f2937"
MUTED: Final = "#6b7280"
FAINT: Final = "#d1d5db"
MESH_AREA: Final = "#fafaf9"
MESH_BORDER: Final = "#d6d3d1"
TRUST: Final = "#b45309"
TRUST_AREA: Final = "#fffbeb"
TRAFFIC: Final = "#0f766e"
CONTROL: Final = "#4f46e5"
CONTROL_AREA: Final = "#eef2ff"
GOOD: Final = "#15803d"
BAD: Final = "#b91c1c"

# Told apart by lightness of the border too, and never the only sign: every network carries its name.
TINTS: Final = (
    Tint("#eff6ff", "#93c5fd", "#1e40af"),
    Tint("#f0fdf4", "#86efac", "#166534"),
    Tint("#fff7ed", "#fdba74", "#9a3412"),
    Tint("#faf5ff", "#d8b4fe", "#6b21a8"),
    Tint("#f0fdfa", "#5eead4", "#115e59"),
    Tint("#fdf2f8", "#f9a8d4", "#9d174d"),
    Tint("#fefce8", "#facc15", "#854d0e"),
    Tint("#f1f5f9", "#94a3b8", "#334155"),
)

MARGIN: Final = 28.0
TITLE_HEIGHT: Final = 58.0
LEGEND_LINE: Final = 22.0
PAGE_MINIMUM: Final = 440.0
PAGE_WIDE: Final = 1330.0
"""Meshes stand side by side up to this width."""

MESH_GAP: Final = 26.0
MESH_TITLE: Final = 40.0
MESH_BOTTOM: Final = 18.0
ROOT_WIDTH: Final = 270.0
ROOT_HEIGHT: Final = 56.0
SIDE: Final = 30.0
"""Room at both sides of a mesh for the lines that join its rows."""

TRUST_LANE: Final = 22.0
CONTROL_LANE: Final = 10.0
TRAFFIC_LANE: Final = 34.0
ROW_GAP: Final = 14.0

NETWORK_GAP: Final = 26.0
NETWORK_PADDING: Final = 16.0
NETWORK_TITLE: Final = 32.0
NETWORK_BOTTOM: Final = 24.0

CLUSTER_WIDTH: Final = 240.0
CLUSTER_HEIGHT: Final = 118.0
CLUSTER_GAP: Final = 18.0
MACHINE_HEIGHT: Final = 24.0
MACHINES_SHOWN: Final = 4
ROW_HEIGHT: Final = 20.0
OBJECTS_SHOWN: Final = 8

GATEWAY_WIDTH: Final = 188.0
GATEWAY_HEIGHT: Final = 24.0
