"""Every command in the documentation runs and prints what the page shows; those that need a fleet run elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshfleet.workspace.cache import locate_cache
from tests.docs.snippets import ROOT, Snippet, matches, shell, snippets

pytestmark = pytest.mark.proof("the commands in the documentation work as they are written", step=0)

ALL = snippets()
ALONE = tuple(snippet for snippet in ALL if snippet.run and not snippet.fleet and not snippet.tools)
WITH_TOOLS = tuple(snippet for snippet in ALL if snippet.tools)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the checkout, so that what a snippet writes stays out of the real one."""
    view = tmp_path / "meshfleet"
    view.mkdir()
    for entry in ROOT.iterdir():
        if entry.name == "stacks":
            # What propagations name is read from regular files alone.
            shutil.copytree(entry, view / entry.name)
        elif not entry.name.startswith("."):
            (view / entry.name).symlink_to(entry)
    return view


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a shell has after `eval "$(./scripts/env)"` as far as these snippets go: `meshfleet` on PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "meshfleet"
    run = "from meshfleet.cli.entry_point import main; main()"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{run}" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "MESHFLEET_HOME": str(tmp_path / "home" / "local"),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        # The width that the pages show.
        "COLUMNS": "110",
    }


@pytest.mark.parametrize("snippet", ALONE, ids=str)
def test_a_snippet_runs_and_prints_what_the_page_shows(
    snippet: Snippet, folder: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        shell(snippet),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == snippet.code, done.stdout
    assert snippet.prints is None or matches(snippet.prints, done.stdout), done.stdout


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("snippet", WITH_TOOLS, ids=str)
def test_a_snippet_that_needs_tools_prints_what_the_page_shows(
    snippet: Snippet, folder: Path, environment: dict[str, str]
) -> None:
    cache = {"MESHFLEET_CACHE": str(locate_cache().root)}
    test_a_snippet_runs_and_prints_what_the_page_shows(snippet, folder, environment | cache)


@pytest.mark.parametrize("snippet", ALL, ids=str)
def test_a_snippet_says_whether_it_is_run_and_if_not_why(snippet: Snippet) -> None:
    assert snippet.run is not None, (
        "put <!-- run -->, <!-- run: tools -->, <!-- run: fleet --> or <!-- not run: ... --> before it"
    )
    assert snippet.run or len(snippet.why_not) > 10


def test_some_snippets_run_alone_and_some_on_a_fleet() -> None:
    assert len(ALONE) > 3
    assert any(snippet.page == "README.md" for snippet in ALONE)
    assert any(snippet.page == "README.md" and snippet.fleet for snippet in ALL)


def test_shown_output_is_compared_line_by_line_with_room_for_what_differs_each_time() -> None:
    assert matches("dev is up in … s: …\n", "dev is up in 87.1 s: 43 create\n")
    assert matches("…\nend\n", "one\ntwo\nend  \n")
    assert matches("…\nend\n", "end\n")
    assert not matches("end\n", "one\nend\n")
    assert not matches("one … two\n", "one\ntwo\n")
