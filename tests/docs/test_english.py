"""README, docs/, help texts and messages use the terms of the field, not words that are never right in this project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.snippets import ROOT
from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("the documentation says what the code does", step=0)

WORDS: Final = re.compile(
    r"\b(anew|mends?|mended|nobody|whoever|somebody|lacking|strangeness|strangers?|nothing helps|so it is(?=[.;,])|"
    r"is not a text|is no text|makes? it so|goes on from there|what stands there|carries the name of a cluster|"
    r"(?:do|does|did) not answer|no answer since|served from elsewhere|there is not yet|(?:are|is) asked whether|"
    r"it is told of)\b",
    re.IGNORECASE,
)
PAGES: Final = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SOURCES: Final = sorted((*(ROOT / "meshfleet").rglob("*.py"), *(ROOT / "components").rglob("*.py")))


def name_of(path: Path) -> str:
    """A path relative to the project."""
    return path.relative_to(ROOT).as_posix()


def texts_of(path: Path) -> Iterator[str]:
    """The text of a page; of a module its strings, which are messages, help texts and docstrings."""
    if path.suffix != ".py":
        yield path.read_text(encoding="utf-8")
        return
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def found_in(path: Path) -> list[str]:
    """The words of a file that are never right."""
    return [match[0] for text in texts_of(path) for match in WORDS.finditer(" ".join(text.split()))]


def test_pages_help_and_messages_use_the_terms_of_the_field() -> None:
    paths = [path for path in (*PAGES, *SOURCES) if "meshfleet/components" not in name_of(path)]
    assert len(paths) > 200
    wrong = {name_of(path): found_in(path) for path in paths}
    assert {name: words for name, words in wrong.items() if words} == {}


@pytest.mark.parametrize("text", ["made anew", "Nobody answers", "a lacking tool", "and mends it"])
def test_a_wrong_word_is_found(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert found_in(page)
