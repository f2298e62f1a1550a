"""The table of stages in docs/how-it-works.md, from the registry of sections."""

from __future__ import annotations

from pathlib import Path

from meshfleet.manifests import registry

BEGIN = "<!-- Made by `python -m docs.generate` from meshfleet/manifests/registry.py; a test compares it. -->"
END = "<!-- end -->"


def table() -> str:
    """A row for each section of the plan, in the order of the stages."""
    rows = [f"| {section.stage.heading} | {section.what} | {section.waits_for} |" for section in registry.in_order()]
    return "\n".join(["| stage | what | waits for |", "|---|---|---|", *rows])


def page(root: Path) -> str:
    """The page as it is, with the table between its marks."""
    text = (root / "docs/how-it-works.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"
