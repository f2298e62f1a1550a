"""Runs the parts and prints their table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.benchmark.figures import lines, lines_of, table, written
from scripts.benchmark.parts import PARTS
from scripts.benchmark.row import Row
from scripts.benchmark.stage import stage

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def main() -> None:
    """Measure, print, and write into the README when asked to: of one part its lines, and the others stay."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--members", type=int, nargs="+", default=[3, 6, 12])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    members = tuple(sorted(set(arguments.members)))
    if len(members) < 2 or members[0] < 1:
        parser.error("--members: two or more different sizes are needed, of at least one cluster each")
    rows: dict[str, list[Row]] = {}
    with stage(members) as place:
        for name, part in PARTS.items():
            if arguments.only in (None, name):
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                rows[name] = part(place, arguments.runs)
    print(table(lines(rows), list(PARTS), arguments.runs))
    if arguments.write:
        page = README.read_text(encoding="utf-8")
        found = lines_of(page) | lines(rows)
        README.write_text(written(page, table(found, list(PARTS), arguments.runs)), encoding="utf-8")


main()
