"""Brings up a fleet of its own, makes the changes one after the other, and prints the table."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.dataplane.sweep import sweep
from meshfleet.versions import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES
from scripts.benchmark.figures import written
from scripts.benchmark.stage import stage
from scripts.continuity_under_change.caller import make_caller
from scripts.continuity_under_change.changes import CHANGES
from scripts.continuity_under_change.figures import Figures, during, faults, table
from scripts.continuity_under_change.fleet_under_change import STACK, FleetUnderChange

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "continuity.md"
BEGIN, END = "<!-- continuity:begin -->", "<!-- continuity:end -->"


@contextmanager
def _running() -> Iterator[FleetUnderChange]:
    """A fleet of its own; nothing is left of it, whatever happened."""
    with stage(()) as place:
        fleet = FleetUnderChange(place.home, place.write_stack, place.meshfleet)
        try:
            fleet.up()
            make_caller(fleet)
            yield fleet
            place.meshfleet("destroy", "--stack", STACK, "--yes")
        finally:
            sweep(STACK, place.home)


def _measured(names: list[str]) -> list[Figures]:
    found: list[Figures] = []
    with _running() as fleet:
        for name in names:
            for change in CHANGES[name]:
                print(f"{change.what} ...", file=sys.stderr, flush=True)
                figures = during(change, fleet)
                found.append(figures)
                print("\n".join([figures.row, *faults(figures)]), file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Make the changes, print, and write into the page when asked to."""
    parser = argparse.ArgumentParser(prog="scripts/continuity", description=__doc__)
    parser.add_argument("--only", choices=list(CHANGES), nargs="+")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write: the page has the figures of all changes; leave --only out")
    if reason := missing_prerequisite():
        parser.error(reason)
    try:
        figures = _measured([name for name in CHANGES if not arguments.only or name in arguments.only])
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(map(str, error.cmd))}: exit {error.returncode}\n{error.output}")
    machine = f"{os.cpu_count()} cores, {platform.system()}, Istio {EMBEDDED_ISTIO}, Kubernetes {EMBEDDED_KUBERNETES}"
    when = datetime.now(UTC).date().isoformat()
    text = f"{table(figures)}\n\nMeasured on {machine}, {when}, by `scripts/continuity`."
    print(text)
    if arguments.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), text, BEGIN, END), encoding="utf-8")


main()
