"""The table of figures as it stands in the README, part by part, so that one part can be measured anew."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from scripts.benchmark.row import Row

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_HEAD = ("| part | measurement | meshfleet | baseline | ratio |", "|---|---|---|---|---|")

Lines = dict[str, list[str]]
"""The lines of the table, by the parts they are of."""


def lines(rows: Mapping[str, Sequence[Row]]) -> Lines:
    """What was measured, as lines of the table."""
    return {
        part: [f"| {part} | {row.what} | {row.ours} | {row.other} | {row.ratio} |" for row in found]
        for part, found in rows.items()
    }


def table(found: Lines, order: Sequence[str], runs: int) -> str:
    """The figures as Markdown, their parts in `order`, with what they were measured on."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    when = datetime.now(UTC).date().isoformat()
    notes = (
        f"Medians of {runs} runs on {machine}, last on {when}, by `scripts/bench`.",
        "The values of a part are measured alternately in one run; `--only PART --write` repeats one part.",
    )
    return "\n".join([*_HEAD, *(line for part in order for line in found.get(part, ())), "", *notes])


def lines_of(page: str) -> Lines:
    """The lines that a page has."""
    found: Lines = {}
    for line in page.partition(BEGIN)[2].partition(END)[0].splitlines():
        if line.startswith("| ") and line not in _HEAD:
            found.setdefault(line.split("|")[1].strip(), []).append(line)
    return found


def written(page: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """The page with this table in the place of the one it has, between the lines `begin` and `end`."""
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    return f"{before}{begin}\n{text}\n{end}{after}"
