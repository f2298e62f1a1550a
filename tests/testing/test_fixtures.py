"""The harness that users install: what its plugin for pytest makes of a stack file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import meshfleet.testing
from meshfleet.testing import CommandResult, settled, small_fleet, write_stack
from meshfleet.testing.stack_files import StackPath
from meshfleet.topology import load, read_stack_file

ROOT = Path(meshfleet.__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "testing"

pytestmark = pytest.mark.proof("users test their own stack files with the harness of this project", step=0)


def test_a_stack_file_belongs_to_the_project_of_its_directory(tmp_path: Path) -> None:
    below = write_stack(tmp_path / "stacks" / "examples", "shop", small_fleet("west"))
    alone = write_stack(tmp_path / "alone", "shop.v2", small_fleet("west"))
    assert StackPath.of(below) == StackPath(tmp_path, "examples/shop")
    assert StackPath.of(alone) == StackPath(tmp_path / "alone", "shop.v2")
    assert StackPath.of(tmp_path / "alone" / "Pulumi.other.yaml") is None
    assert StackPath.of(tmp_path / "alone") is None


def test_what_is_written_is_a_valid_stack_file(tmp_path: Path) -> None:
    write_stack(tmp_path, "shop", small_fleet("west", "east"))
    fleet = load("shop", read_stack_file(tmp_path, "shop").config)
    assert {*fleet.clusters} == {"west", "east"}
    assert fleet.host == "west"


def test_the_stack_file_of_the_example_is_valid() -> None:
    fleet = load("shop", read_stack_file(EXAMPLE / "stacks", "shop").config)
    assert {*fleet.workloads} == {"echo"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no stack file: pass --meshfleet-stack FILE"),
        (("--meshfleet-stack", "nowhere.yaml"), "nowhere.yaml: no such stack file; it must be a file Pulumi.<stack>"),
    ],
)
def test_a_missing_stack_file_is_named_with_what_to_do(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["meshfleet.testing.fixtures"]\n', encoding="utf-8")
    (tmp_path / "test_any.py").write_text("def test_any(meshfleet_fleet):\n    pass\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode != 0
    assert said in ran.stdout + ran.stderr


def test_the_command_does_not_need_pytest() -> None:
    found = "import sys, meshfleet.cli.command; print('pytest' in sys.modules, 'meshfleet.testing' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", found], text=True, cwd=ROOT) == "False False\n"


def test_an_unexpected_exit_code_fails_with_the_output() -> None:
    result = CommandResult(("up", "--stack", "shop"), 2, "", "error: no such stack\n")
    assert result.require(2) is result
    assert result.require(None) is result
    with pytest.raises(AssertionError, match=r"expected exit 0:\nup --stack shop\nexit 2\nerror: no such stack"):
        result.require(0)


def test_a_condition_is_waited_for_and_no_longer_than_its_limit() -> None:
    answers = iter([False, False, True])
    assert settled(lambda: next(answers), 5)
    assert not settled(lambda: False, 0.1)


def test_every_public_name_can_be_imported() -> None:
    assert all(getattr(meshfleet.testing, name) is not None for name in meshfleet.testing.__all__)
