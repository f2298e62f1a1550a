"""Where the programs that run in pods come from, and the files that they read."""

from __future__ import annotations

from pathlib import Path

from meshfleet.dataplane.node.programs import BOOTSTRAP, PROGRAMS
from meshfleet.toolchain.tools import shared_file, tool


def sources() -> dict[str, Path]:
    """Each of PROGRAMS. Raises ToolchainError when one is missing."""
    return {name: tool(name) for name in PROGRAMS}


def copies() -> dict[str, Path]:
    """Small files that programs read. Raises ToolchainError when one is missing."""
    return {BOOTSTRAP: shared_file(BOOTSTRAP)}
