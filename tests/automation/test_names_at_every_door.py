"""A name that is no stack name does nothing, at every command, with any backend; a deletion is of what is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.destruction import stacks_of
from meshfleet.errors import FileError
from meshfleet.plugins.meshfleet.input_checks import check_names
from meshfleet.topology import TopologyError
from meshfleet.workspace.home import Workspace
from tests.automation.commands import commands
from tests.automation.stack_files import Command
from tests.topology.test_stack_names import NO_NAMES

pytestmark = pytest.mark.proof("one rule for the names of stacks, at every door", step=0)

WITH_A_STACK = [name for name, command in commands().items() if any(one.name == "stack" for one in command.params)]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two fleets, and around it what no command may touch."""
    for name in ("dev", "examples"):
        Workspace(name, home).claim()
        (home / "fleets" / name / "clusters").mkdir()
    (home.parent / "diary").write_text("private", encoding="utf-8")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was begun")

    monkeypatch.setattr("meshfleet.automation.destruction.prepare", never)
    monkeypatch.setattr("meshfleet.automation.engine.environment.prepare", never)
    return home


@pytest.mark.parametrize("backend", ["", "s3://shared"])
@pytest.mark.parametrize("command", WITH_A_STACK)
def test_no_command_takes_a_name_that_is_none(
    command: str, backend: str, kept: Path, meshfleet: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    before = everything(kept.parent)
    extra = {"render": ["--out", str(tmp_path / "out")], "vm bundle": ["billing", "--out", str(tmp_path / "out")]}
    extra |= {"vm start": ["billing"], "vm stop": ["billing"], "destroy": ["--yes"]}
    extra |= {"kubeconfig": ["carla"], "who-can": ["get", "pods"]}
    for stack in NO_NAMES.values():
        result = meshfleet(*command.split(), *extra.get(command, []), f"--stack={stack}")
        assert result.exit_code == 2, (stack, result.output)
        assert "Traceback" not in result.output
    assert everything(kept.parent) == before


def test_there_is_a_command_for_each_door() -> None:
    assert len(WITH_A_STACK) >= 13


def test_a_stack_of_another_directory_is_not_taken_for_the_one_of_that_name(kept: Path, meshfleet: Command) -> None:
    result = meshfleet("destroy", "--stack", "examples/dev", "--yes")
    assert result.exit_code == 2
    assert "there is no stack 'examples/dev'; the stack dev is declared in dev" in result.output
    assert (kept / "fleets" / "dev").is_dir()


def test_every_stack_is_every_stack_of_ours(checkout: Checkout) -> None:
    Workspace("dev", checkout.home).claim()
    for foreign in ("photos", ".git", "a b"):
        (checkout.home / "fleets" / foreign).mkdir()
        (checkout.home / "fleets" / foreign / "picture.png").touch()
    assert stacks_of(checkout) == ("dev",)
    states = checkout.state / ".pulumi" / "stacks" / "meshfleet"
    states.mkdir(parents=True)
    for name in ("prod.json", "...json", "a b.json"):
        (states / name).touch()
    assert stacks_of(checkout) == ("prod", "dev")


def test_a_fleet_of_an_earlier_version_is_ours_by_what_is_in_it(checkout: Checkout) -> None:
    (checkout.home / "fleets" / "dev" / "kubeconfigs").mkdir(parents=True)
    (checkout.home / "reservations.json").touch()
    (checkout.home / "reservations.lock").touch()
    assert stacks_of(checkout) == ("dev",)


def test_all_and_a_stack_together_are_refused(kept: Path, meshfleet: Command) -> None:
    assert meshfleet("destroy", "--all", "--stack", "dev", "--yes").exit_code == 2


def test_a_directory_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    theirs = tmp_path / "fleets" / "photos"
    theirs.mkdir(parents=True)
    (theirs / "picture.png").touch()
    with pytest.raises(FileError, match=r"photos: nothing in it is of meshfleet"):
        Workspace("photos", tmp_path).remove()
    assert (theirs / "picture.png").exists()


def test_of_a_link_only_the_link_goes(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "clusters").mkdir(parents=True)
    (tmp_path / "fleets").mkdir()
    (tmp_path / "fleets" / "dev").symlink_to(elsewhere)
    Workspace("dev", tmp_path).remove()
    assert not (tmp_path / "fleets" / "dev").is_symlink()
    assert (elsewhere / "clusters").is_dir()


@pytest.mark.parametrize("stack", NO_NAMES.values(), ids=NO_NAMES)
def test_the_plugin_takes_no_such_fleet(stack: str) -> None:
    assert check_names({"fleet": stack}, ("fleet",))


@pytest.mark.parametrize("variable", ["MESHFLEET_HOME", "MESHFLEET_STACKS"])
@pytest.mark.parametrize("value", ["/", "/tmp/a\nb", "/tmp/a\x1bb"])
def test_a_directory_that_cannot_work_is_exit_2(
    variable: str, value: str, meshfleet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    result = meshfleet("validate", "--stack", "dev")
    assert result.exit_code == 2
    assert variable in result.output


@pytest.mark.parametrize("where", ["~", "."])
def test_the_users_home_and_the_checkout_are_no_home(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("MESHFLEET_HOME", where if where == "~" else str(root))
    with pytest.raises(TopologyError, match="contains files other than local state"):
        Checkout.here()
