"""The project is found from where one stands, apart from where the code lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meshfleet.automation.checkout import Checkout
from meshfleet.cli.command import app
from meshfleet.topology import TopologyError, read_stack_file
from meshfleet.topology.stack_file import known_stacks
from meshfleet.workspace import project_folder as module
from meshfleet.workspace.home import home_directory, program_folder
from meshfleet.workspace.project_folder import CODE, ProjectFolder, project_folder
from tests.automation.stack_files import Command

pytestmark = pytest.mark.proof("a project is found from where one stands", step=0)

OURS = "name: meshfleet\nruntime: python\n"
STACK = "config:\n  meshfleet:clusters: {solo: {embedded: {}, network: n}}\n  meshfleet:networks: {n: {}}\n"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MESHFLEET_PROJECT", "MESHFLEET_HOME", "MESHFLEET_STACKS", "SUDO_UID"):
        # Set first, so that what the command sets is taken back too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def meshfleet() -> Command:
    """The command, called as `meshfleet("validate", "--stack", "dev")`."""

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed, catch_exceptions=False)

    return run


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is in no checkout; the folder that one stands in."""
    monkeypatch.setattr(module, "CODE", tmp_path / "site-packages")
    place = tmp_path / "work" / "inner"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_the_nearest_folder_upward_with_a_pulumi_yaml_of_this_project(installed: Path) -> None:
    (installed.parent / "Pulumi.yaml").write_text(OURS)
    assert project_folder() == ProjectFolder(installed.parent, declared=True)
    assert home_directory() == installed.parent / ".meshfleet"
    assert program_folder() == Checkout.here().program == installed.parent
    assert Checkout.here().stacks == installed.parent / "stacks"


def test_a_pulumi_yaml_of_another_project_is_passed_over(installed: Path) -> None:
    (installed / "Pulumi.yaml").write_text("name: shop\nruntime: nodejs\n")
    (installed.parent / "Pulumi.yaml").write_text(OURS)
    assert project_folder().root == installed.parent


def test_a_folder_with_nothing_but_stack_files_is_a_project(installed: Path) -> None:
    (installed / "Pulumi.mine.yaml").write_text(STACK)
    assert project_folder() == ProjectFolder(installed, declared=False)
    checkout = Checkout.here()
    assert checkout.program == program_folder() == installed / ".meshfleet" / "project"
    assert checkout.stacks == installed
    assert read_stack_file(checkout.stacks, "mine", nested=checkout.nested_stacks).stack == "mine"


def test_stack_files_may_be_in_a_folder_of_their_own(installed: Path) -> None:
    (installed / "stacks").mkdir()
    (installed / "stacks" / "Pulumi.mine.yaml").write_text(STACK)
    assert Checkout.here().stacks == installed / "stacks"


def test_what_lies_below_the_stack_files_of_a_bare_folder_is_no_stack(installed: Path) -> None:
    # Such as the copy that the home keeps of each stack file.
    (installed / "Pulumi.mine.yaml").write_text(STACK)
    copy = installed / ".meshfleet" / "fleets" / "mine" / "Pulumi.mine.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text(STACK)
    assert known_stacks(installed, nested=Checkout.here().nested_stacks) == ("mine",)


def test_elsewhere_the_checkout_of_the_code_is_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_folder() == ProjectFolder(CODE, declared=True)


def test_a_current_folder_that_is_gone_leaves_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert project_folder().root == CODE
    monkeypatch.setattr(module, "CODE", tmp_path / "site-packages")
    with pytest.raises(TopologyError, match="the current folder is gone; change to one that exists"):
        project_folder()


@pytest.mark.parametrize("content", ["name: [", "a: &a [*a]\n", "name: meshfleet\nname: x\n", "\x00"])
def test_a_damaged_pulumi_yaml_is_one_sentence(installed: Path, content: str) -> None:
    (installed / "Pulumi.yaml").write_text(content)
    with pytest.raises(TopologyError, match="fix the file, or name the project's directory"):
        project_folder()


@pytest.mark.parametrize("content", ["", "[]", "name: {}", "name: 7", "- meshfleet"])
def test_a_pulumi_yaml_without_this_name_is_of_another_project(installed: Path, content: str) -> None:
    (installed / "Pulumi.yaml").write_text(content)
    assert not project_folder().declared


def test_a_pulumi_yaml_of_another_user_is_refused_until_it_is_named(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed.parent / "Pulumi.yaml").write_text(OURS)
    owner = (installed.parent / "Pulumi.yaml").stat().st_uid
    if owner == 0:
        os.chown(installed.parent / "Pulumi.yaml", 4242, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(TopologyError, match=r"belongs to another user .* to trust it, pass --project"):
        project_folder()
    monkeypatch.setenv("SUDO_UID", str((installed.parent / "Pulumi.yaml").stat().st_uid))
    assert project_folder().declared
    monkeypatch.delenv("SUDO_UID")
    monkeypatch.setenv("MESHFLEET_PROJECT", str(installed.parent))
    assert project_folder() == ProjectFolder(installed.parent, declared=True)


def test_the_option_names_any_directory(installed: Path, meshfleet: Command, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.mine.yaml").write_text(STACK)
    result = meshfleet("--project", str(other), "validate", "--stack", "mine")
    assert result.exit_code == 0, result.stderr
    assert not (other / ".meshfleet").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "must not be empty; pass the directory"),
        ("missing", "is not a directory; name the directory with the stack files"),
        ("/", "is the root of the file system"),
        ("a\nb", "has a control character"),
        ("~nobody-of-this-name", "is not a directory"),
        ("a" * 5000, "cannot be resolved"),
    ],
)
def test_an_option_that_names_no_directory_is_refused(
    installed: Path, meshfleet: Command, given: str, message: str
) -> None:
    result = meshfleet("--project", given, "validate", "--stack", "mine")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
