"""Progress: moving on a terminal, plain lines elsewhere, nothing with --json."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from meshfleet.automation.reporting.moving_table import MovingTable
from meshfleet.automation.reporting.progress import PlainLines, Silent, progress_for
from tests.automation.events import done, failed, started

pytestmark = pytest.mark.proof("progress and changes by cluster and stage", step=0)

COMPONENT = "meshfleet:components:Trust"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(table: MovingTable) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(table._draw())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_kind_follows_from_where_the_lines_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(progress_for("up dev", quiet=False)) is PlainLines
    assert type(progress_for("up dev", quiet=True)) is Silent
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(progress_for("up dev", quiet=False)) is MovingTable
    assert type(progress_for("up dev", quiet=True)) is Silent


def test_plain_lines_are_one_for_each_change_and_each_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines() as progress:
        for event in (
            started("west/cacerts", component="Trust"),
            done("west/cacerts", component="Trust"),
            done("west/istiod", "same"),
            done("west", resource_type=COMPONENT),
            done("mesh mesh1/root", "create-replacement", component="MeshTrust"),
            done("east/istiod", "delete"),
            failed("east/istiod-process"),
            done("east/something", "discard", component="Namespaces"),
        ):
            progress.hear(event)
    out, lines = capsys.readouterr()
    assert out == ""
    assert [line.rpartition(" (")[0] for line in lines.splitlines()] == [
        "west  trust  cacerts created",
        "fleet  trust  root of mesh mesh1 recreated",
        "east  control plane  istiod deleted",
        "east  control plane  istiod-process FAILED",
        "east  workloads  something discard",
    ]


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent() as progress:
        progress.hear(done("west/cacerts"))
        progress.hear(failed("west/cacerts"))
    assert capsys.readouterr() == ("", "")


def test_the_table_has_a_row_for_each_cluster_and_shows_what_is_under_way_done_and_failed() -> None:
    table = MovingTable("up dev")
    for event in (
        started("west", resource_type=COMPONENT),
        started("west/cacerts", component="Trust"),
        done("west/cacerts", component="Trust"),
        started("west/istiod"),
        started("east/istiod-process"),
        failed("east/istiod-process"),
        done("mesh mesh1/root", component="MeshTrust"),
    ):
        table.hear(event)
    title, columns, *rows = drawn(table).splitlines()
    assert title.strip() == "up dev"
    assert "control plane" in columns
    west, east, fleet = (row.split() for row in rows)
    assert west[0] == "west"
    assert "✓" in west
    assert "istiod" in west
    assert east[:1] == ["east"]
    assert "failed" in east
    assert fleet[:1] == ["fleet"]


def test_a_table_that_moves_leaves_the_terminal_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_for("up dev", quiet=False) as progress:
        progress.hear(started("west/cacerts"))
        progress.hear(done("west/cacerts"))
    assert "west" in terminal.getvalue()
    # The cursor, hidden while the table moves, is shown again.
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
