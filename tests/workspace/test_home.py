"""Directories and files that only their owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.errors import EmbeddedError
from meshfleet.files import file_error, make_directory, write_file
from meshfleet.workspace.home import Workspace, home_directory

pytestmark = pytest.mark.proof("local state that only its owner can read", step=0)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_home_is_beside_the_program_unless_the_variable_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MESHFLEET_HOME", raising=False)
    assert home_directory() == Path(__file__).resolve().parents[2] / ".meshfleet"
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "elsewhere"))
    assert home_directory() == tmp_path / "elsewhere"


def test_every_directory_that_is_made_is_private(tmp_path: Path) -> None:
    workspace = Workspace("dev", tmp_path / "home")
    make_directory(workspace.istiod("west", "default"))
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(made) == 5
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_file(path, "one")
    before = path.stat().st_ino
    write_file(path, "two")
    assert path.read_text(encoding="utf-8") == "two"
    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["kubeconfig"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kubeconfig"
    write_file(path, "one")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(EmbeddedError, match="No space left on device; free some space on that disk"):
        write_file(path, "two")
    assert path.read_text(encoding="utf-8") == "one"
    assert [item.name for item in tmp_path.iterdir()] == ["kubeconfig"]


def test_a_directory_where_a_file_stands_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("", encoding="utf-8")
    with pytest.raises(EmbeddedError, match="check that path"):
        make_directory(tmp_path / "home" / "fleets")


@pytest.mark.parametrize(
    ("number", "advice"), [(28, "free some space"), (30, "MESHFLEET_HOME"), (13, "right to write")]
)
def test_what_the_file_system_refuses_comes_with_what_to_do(number: int, advice: str) -> None:
    assert advice in str(file_error(Path("state"), OSError(number, os.strerror(number))))


def test_prune_removes_only_what_is_empty(tmp_path: Path) -> None:
    workspace = Workspace("dev", tmp_path)
    make_directory(workspace.cluster("west"))
    make_directory(workspace.directory / "istiods")
    workspace.prune()
    assert workspace.cluster("west").is_dir()
    assert not (workspace.directory / "istiods").exists()
    workspace.cluster("west").rmdir()
    workspace.prune()
    assert not (tmp_path / "fleets").exists()
