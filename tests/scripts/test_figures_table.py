"""The table of figures in the README: a part that is measured anew takes its own place, and no other's."""

from __future__ import annotations

import pytest

from scripts.benchmark.figures import BEGIN, END, lines, lines_of, table, written
from scripts.benchmark.parts import PARTS
from scripts.benchmark.row import Row
from tests.integration.clone import CHECKOUT

pytestmark = pytest.mark.proof("the figures of the README are those of scripts/bench", step=0)

ORDER = ("mesh", "hop", "region")
HOP = [Row("p50", "1 ms", "none", ""), Row("p99", "2 ms", "none", "")]
PAGE = (
    f"before\n{BEGIN}\n{table(lines({'hop': HOP, 'region': [Row('lost', '9 s', '', '')]}), ORDER, 3)}\n{END}\nafter\n"
)


def test_a_part_that_is_measured_anew_takes_its_place_and_the_others_stay() -> None:
    anew = lines({"region": [Row("cut off", "1 s", "", ""), Row("gone", "0 s", "", "")]})
    page = written(PAGE, table(lines_of(PAGE) | anew, ORDER, 5))
    assert lines_of(page) == lines({"hop": HOP}) | anew
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "Medians of 5 runs" in page


def test_a_part_that_was_never_measured_comes_where_it_belongs() -> None:
    found = lines_of(PAGE) | lines({"mesh": [Row("mesh", "4 s", "", "")]})
    rows = [line for line in table(found, ORDER, 3).splitlines()[2:] if line.startswith("|")]
    assert rows[0] == "| mesh | mesh | 4 s |  |  |"


def test_the_readme_has_figures_of_every_part_and_of_no_other() -> None:
    assert list(lines_of((CHECKOUT / "README.md").read_text(encoding="utf-8"))) == list(PARTS)
