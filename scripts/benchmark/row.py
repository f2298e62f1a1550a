"""A line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, of meshfleet and of what stands beside it, and how they compare; each as it is shown."""

    what: str
    ours: str
    other: str
    ratio: str
