"""A checkout of its own for every test, and the command run in it; no test with these fixtures starts an engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from meshfleet.automation.checkout import Checkout
from meshfleet.cli.command import app
from meshfleet.topology import read_stack_file
from tests.automation.made_up_session import MadeUp
from tests.automation.stack_files import GOOD, ROOT, WRONG, Command, write_stack


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's checkout keeps its state; not there yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MESHFLEET_HOME", str(folder))
    return folder


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stack files of the project and two more: `good` and `wrong`."""
    folder = tmp_path / "stacks"
    shutil.copytree(ROOT / "stacks", folder)
    write_stack(folder, "good", GOOD)
    write_stack(folder, "wrong", WRONG)
    monkeypatch.setenv("MESHFLEET_STACKS", str(folder))
    return folder


@pytest.fixture
def checkout(tmp_path: Path, home: Path) -> Checkout:
    """A checkout with nothing in it."""
    return Checkout(tmp_path / "root", home)


@pytest.fixture(scope="session")
def program() -> TyperGroup:
    """All commands, made once: that takes as long as most of them."""
    return typer.main.get_group(app)


@pytest.fixture
def meshfleet(home: Path, stacks: Path, program: TyperGroup, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, called as `meshfleet("validate", "--stack", "dev")`."""
    # What the runner makes of `app` for each run.
    monkeypatch.setattr("typer.testing._get_command", lambda _: program)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed, catch_exceptions=False)

    return run


@pytest.fixture
def script() -> Callable[[Path, str], Path]:
    """Write an executable shell script: `script(path, "exit 3")`."""

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def session(checkout: Checkout, stacks: Path, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """What commands open instead of a session with an engine."""
    made = MadeUp(checkout, read_stack_file(stacks, "dev"))
    for commands in ("deployment", "inspection", "project"):
        monkeypatch.setattr(f"meshfleet.cli.{commands}.open_session", lambda stack, quiet: made)
    # What runs with something else than the stack says is asked of a running fleet.
    monkeypatch.setattr("meshfleet.automation.runtime_drift.runtime_drift", lambda *_: [])
    monkeypatch.setattr("meshfleet.automation.runtime_drift.after_up", lambda *_: [])
    return made
