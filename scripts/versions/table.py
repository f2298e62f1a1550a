"""The table of what was run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

_HEADINGS: Final = ("fleet", "Istio", "Kubernetes", "pulumi", "up", "checks", "result")


@dataclass(frozen=True)
class Row:
    """One fleet: its releases, the seconds that `up` took, how many checks hold, and `failed` where something did."""

    what: str
    istio: str
    kubernetes: str
    pulumi: str
    seconds: float = 0.0
    checks: int = 0
    failed: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """As they are printed."""
        what, istio, kubernetes, pulumi, seconds, checks, failed = astuple(self)
        figures = ("", "") if failed else (f"{seconds:.0f} s", str(checks))
        return (what, istio, kubernetes, pulumi or "the locked one", *figures, "failed" if failed else "passed")


def table(rows: Sequence[Row]) -> str:
    """The rows below their headings, in columns."""
    lines = [_HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)
