"""Runs the parts and prints their table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from scripts.benchmark.parts import PARTS
from scripts.benchmark.row import Row
from scripts.benchmark.stage import stage

README = Path(__file__).resolve().parent.parent.parent / "README.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def table(rows: list[Row], runs: int) -> str:
    """The figures as Markdown, with what they were measured on."""
    lines = ["| what | meshfleet | beside it | ratio |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.ours} | {row.other} | {row.ratio} |" for row in rows]
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    when = datetime.now(UTC).date().isoformat()
    note = f"Medians of {runs} pairs, measured in turn on {machine}, {when}, by `scripts/bench`."
    return "\n".join([*lines, "", note])


def main() -> None:
    """Measure, print, and write into the README when asked to."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--members", type=int, nargs="+", default=[3, 6, 12])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    members = tuple(sorted(set(arguments.members)))
    if len(members) < 2 or members[0] < 1:
        parser.error("--members: two or more different sizes are needed, of at least one cluster each")
    rows: list[Row] = []
    with stage(members) as place:
        for name, part in PARTS.items():
            if arguments.only in (None, name):
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                rows += part(place, arguments.runs)
    text = table(rows, arguments.runs)
    print(text)
    if arguments.write:
        before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


main()
