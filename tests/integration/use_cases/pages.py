"""What the page of the use cases says to run on one of them, and what it shows of it."""

from __future__ import annotations

import os
import sys

from meshfleet.testing import FleetUnderTest
from tests.docs.snippets import matches, shell, snippets


def assert_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    """Run the commands that are marked for this use case, of which there are some, as a reader would."""
    marked = [snippet for snippet in snippets() if snippet.example == f"examples/{fleet.name}"]
    assert marked
    programs = fleet.sandbox.folder / "programs"
    programs.mkdir(exist_ok=True)
    command = programs / "meshfleet"
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from meshfleet.cli.entry_point import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for snippet in marked:
        *bash, script = shell(snippet)
        more = {"PATH": path, "COLUMNS": "110"}
        ran = fleet.sandbox.run([*bash, f"exec 2>&1\n{script}"], expect=snippet.code, more=more)
        assert snippet.prints is None or matches(snippet.prints, ran.out), ran.out
