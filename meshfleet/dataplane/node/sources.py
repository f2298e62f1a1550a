"""Where the programs that run in pods come from, and the files that they read."""

from __future__ import annotations

from pathlib import Path

from meshfleet.dataplane.network import programs
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.sandbox import Bind
from meshfleet.dataplane.node.programs import BOOTSTRAP, PROGRAMS
from meshfleet.toolchain.tools import shared_file, tool


def sources(release: str = "") -> dict[str, Path]:
    """Each of PROGRAMS, Istio's in another release than the standard one if given.

    Raises ToolchainError when one is missing.
    """
    return {name: tool(name, release) for name in PROGRAMS}


def copies(release: str = "") -> dict[str, Path]:
    """Small files that programs read. Raises ToolchainError when one is missing."""
    return {BOOTSTRAP: shared_file(BOOTSTRAP, release)}


def lay_out(place: Place, release: str = "") -> list[Bind]:
    """Make all of them ready for the pods and machines at a place; what puts them into a sandbox.

    Raises ToolchainError, EmbeddedError.
    """
    files = copies(release)
    folder = programs.lay_out(place, files, release)
    return programs.program_binds(folder, sources(release), files, release)
