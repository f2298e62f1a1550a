"""Commands in the documentation, and what they are said to print.

A `bash` block has an HTML comment before it that says how it is tested:

    <!-- run -->                     runs as it stands, without a fleet
    <!-- run: exits 2 -->            the same, and ends so
    <!-- run: fleet -->              runs where the stack `dev` is up (tests/integration)
    <!-- run: fleet, exits 1 -->     the same, and ends so
    <!-- run: fleet examples/X -->   runs where that example is up (tests/integration/use_cases)
    <!-- not run: because ... -->    does not run, for that reason

and, if its output is shown, `<!-- prints -->` before the block with it. There `…` stands for anything within a
line, and a line that is `…` alone for any lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^>\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
RUN = re.compile(
    r"run(?:: (?P<tools>tools)?(?P<fleet>fleet)?(?: (?P<example>examples/[a-z-]+))?(?:, )?(?:exits (?P<code>\d+))?)?"
)


@dataclass(frozen=True)
class Snippet:
    """One `bash` block. `run` is None when it has no comment that says whether; `why_not` is a reason not to run.

    `tools` are those that need the built tools and no fleet.
    """

    page: str
    line: int
    text: str
    run: bool | None = None
    fleet: bool = False
    tools: bool = False
    example: str = ""
    code: int = 0
    why_not: str = ""
    prints: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets() -> tuple[Snippet, ...]:
    """Every `bash` block of the README and of docs/, in order."""
    return tuple(snippet for page in PAGES for snippet in _of_page(page))


def shell(snippet: Snippet) -> list[str]:
    """The command line that runs a snippet as a person's shell would, but ends at its first failure."""
    return ["bash", "-euo", "pipefail", "-c", snippet.text]


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what a page shows, trailing blanks aside."""
    lines = [r"(?:.*\n)*" if line == "…" else rf"{_line(line)}\n" for line in _lines(expected)]
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(printed))) is not None


def _line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("…"))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _of_page(page: Path) -> Iterator[Snippet]:
    text = page.read_text(encoding="utf-8")
    last: Snippet | None = None
    for block in BLOCK.finditer(text):
        mark = block["mark"] or ""
        if block["language"] == "bash":
            if last:
                yield last
            line = text.count("\n", 0, block.start("text")) + 1
            last = _marked(Snippet(page.relative_to(ROOT).as_posix(), line, block["text"]), mark)
        elif mark == "prints":
            assert last, f"{page.name}: output is shown before any command"
            last = replace(last, prints=block["text"])
    if last:
        yield last


def _marked(snippet: Snippet, mark: str) -> Snippet:
    if reason := mark.removeprefix("not run: ") if mark.startswith("not run: ") else "":
        return replace(snippet, run=False, why_not=reason)
    found = RUN.fullmatch(mark)
    if not found:
        return snippet
    return replace(
        snippet,
        run=True,
        fleet=bool(found["fleet"]),
        tools=bool(found["tools"]),
        example=found["example"] or "",
        code=int(found["code"] or 0),
    )
