"""A fleet is known by its identity: where it was moved to, which copy is another, and what replaced it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.sweep import sweep
from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import make_directory
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.fleet_identity import claim_fleet, identity_of, place_of
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.marker import MARKER, read_marker
from meshfleet.workspace.plain_path import plain_path, remove_links

pytestmark = pytest.mark.proof("fleets are known by an identity, wherever they lie", step=0)

SLEEP = shutil.which("sleep") or "/bin/sleep"


@pytest.fixture
def started() -> Iterator[list[psutil.Process]]:
    found: list[psutil.Process] = []
    yield found
    for process in found:
        if process.is_running():
            process.kill()


def start(home: Path, started: list[psutil.Process], *, marked: bool = True) -> psutil.Process:
    """A process of the cluster `west` of the fleet `dev`; without a mark as earlier versions started it."""
    workspace = Workspace("dev", home)
    if marked:
        workspace.claim()
    directory = workspace.cluster("west")
    make_directory(directory / "bin")
    (directory / "bin" / "sleep").symlink_to(SLEEP)
    process = processes.start(directory / "bin" / "sleep", ["600"], directory, directory / "log", {})
    started.append(process)
    return process


def runs(process: psutil.Process) -> bool:
    """Whether it runs still; one that was killed is this process's own child, a zombie until it is collected."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def found(home: Path) -> list[int]:
    return [one.pid for one in processes.find(Workspace("dev", home).cluster("west")).get("sleep", [])]


@pytest.mark.parametrize("marked", [True, False], ids=["of this version", "of an earlier one"])
def test_the_processes_of_a_home_that_was_moved_are_found_and_ended(
    marked: bool, tmp_path: Path, started: list[psutil.Process]
) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    process = start(home, started, marked=marked)
    # As the next command does.
    Workspace("dev", home).claim()
    before = Place.of(Workspace("dev", home))
    home.rename(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere"
    assert found(moved) == [process.pid]
    assert Place.of(Workspace("dev", moved)) == before
    claim_fleet(moved, "dev")
    assert found(moved) == [process.pid]
    sweep("dev", moved)
    assert not runs(process)
    assert not (moved / "fleets").exists()


def test_a_home_in_the_place_of_one_that_was_moved_has_processes_of_its_own(
    tmp_path: Path, started: list[psutil.Process]
) -> None:
    old = start(tmp_path / "home", started)
    (tmp_path / "home").rename(tmp_path / "moved")
    new = start(tmp_path / "home", started)
    assert (found(tmp_path / "moved"), found(tmp_path / "home")) == ([old.pid], [new.pid])
    sweep("dev", tmp_path / "home")
    assert (runs(old), runs(new)) == (True, False)


def test_a_copy_of_a_home_is_another_fleet(tmp_path: Path, started: list[psutil.Process]) -> None:
    process = start(tmp_path / "home", started)
    shutil.copytree(tmp_path / "home", tmp_path / "copy", symlinks=True)
    claim_fleet(tmp_path / "copy", "dev")
    assert found(tmp_path / "copy") == []
    sweep("dev", tmp_path / "copy")
    assert process.is_running()
    assert found(tmp_path / "home") == [process.pid]


def test_a_home_that_is_a_link_is_the_same_home(tmp_path: Path, started: list[psutil.Process]) -> None:
    process = start(tmp_path / "home", started)
    (tmp_path / "home").rename(tmp_path / "disk")
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    claim_fleet(tmp_path / "home", "dev")
    assert found(tmp_path / "home") == [process.pid]


def test_processes_of_a_directory_that_somebody_deleted_are_found(
    tmp_path: Path, started: list[psutil.Process]
) -> None:
    process = start(tmp_path / "home", started)
    shutil.rmtree(tmp_path / "home")
    sweep("dev", tmp_path / "home")
    assert not runs(process)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff", b"\0" * 40])
def test_a_damaged_marker_is_written_again_with_the_identity_of_what_runs(
    content: bytes, tmp_path: Path, started: list[psutil.Process]
) -> None:
    process = start(tmp_path / "home", started)
    (tmp_path / "home").rename(tmp_path / "moved")
    identity = identity_of(tmp_path / "moved", "dev")
    marker = tmp_path / "moved" / "fleets" / "dev" / MARKER
    marker.write_bytes(content)
    assert identity_of(tmp_path / "moved", "dev") == identity
    claim_fleet(tmp_path / "moved", "dev")
    kept = read_marker(marker.parent)
    assert kept is not None
    assert kept.identity == identity
    assert found(tmp_path / "moved") == [process.pid]


def test_a_marker_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    directory = claim_fleet(tmp_path, "dev")
    (directory / MARKER).write_text('{"version": 2, "colour": "red"}', encoding="utf-8")
    with pytest.raises(NewerFileError, match="written by a later version of meshfleet"):
        claim_fleet(tmp_path, "dev")


def test_an_editor_in_the_directory_is_none_of_its_processes(tmp_path: Path) -> None:
    directory = claim_fleet(tmp_path, "dev")
    make_directory(directory / "clusters" / "west")
    with psutil.Popen([SLEEP, "600"], cwd=directory / "clusters" / "west") as editor:
        assert found(tmp_path) == []
        editor.kill()


def test_a_place_is_recognised_at_any_depth(tmp_path: Path) -> None:
    directory = claim_fleet(tmp_path, "dev")
    identity = identity_of(tmp_path, "dev")
    assert place_of(directory) == (identity, "")
    deep = directory / "clusters" / "west" / "kwok" / "clusters" / "west"
    assert place_of(deep) == (identity, "clusters/west/kwok/clusters/west")
    assert place_of(tmp_path) == ("", "")


@pytest.mark.parametrize("name", ["a home", "ümlaut", "it's", "100%", '"quoted"', "a,b", "a;b", "$HOME", "a=b"])
def test_a_path_that_other_programs_cut_has_a_plain_one(name: str, tmp_path: Path) -> None:
    directory = claim_fleet(tmp_path / name, "dev")
    plain = plain_path(directory / "clusters" / "west")
    assert all(character.isascii() and (character.isalnum() or character in "/._-@+") for character in str(plain))
    make_directory(directory / "clusters" / "west")
    assert os.path.realpath(plain) == str(directory / "clusters" / "west")
    (tmp_path / name).rename(tmp_path / f"{name} moved")
    again = plain_path(tmp_path / f"{name} moved" / "fleets" / "dev" / "clusters" / "west")
    assert again == plain
    assert again.is_dir()
    remove_links(identity_of(tmp_path / f"{name} moved", "dev"))
    assert not plain.parent.parent.is_symlink()


def test_a_path_that_is_plain_is_used_as_it_is(tmp_path: Path) -> None:
    directory = claim_fleet(tmp_path, "dev")
    assert plain_path(directory) == directory


def test_a_strange_path_outside_of_any_fleet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="its path has characters that kwokctl does not take"):
        plain_path(tmp_path / "a b")
