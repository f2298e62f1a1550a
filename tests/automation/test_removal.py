"""scripts/down removes what is ours of a home, and never what somebody else keeps in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.automation.removal import remove_home
from meshfleet.errors import FileError
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.marker import MARKER, claim_home, is_home

pytestmark = pytest.mark.proof("only what is ours is removed", step=0)


def fill(home: Path) -> Path:
    """A home as commands leave it, all of it ours."""
    Workspace("dev", home).claim()
    (home / "state" / ".pulumi" / "stacks" / "meshfleet").mkdir(parents=True)
    (home / "pulumi" / "plugins").mkdir(parents=True)
    (home / "kubectl").mkdir()
    for name in ("passphrase", "reservations.json", "reservations.lock"):
        (home / name).touch()
    (home / "dev.svg").write_text('<svg><title id="title">Fleet dev</title></svg>', encoding="utf-8")
    (home / "charts").symlink_to("/nowhere")
    return home


def names(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*"))


def test_a_home_that_holds_nothing_else_goes(tmp_path: Path) -> None:
    home = fill(tmp_path / "home")
    assert remove_home(home) == []
    assert not home.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    home = fill(tmp_path / "home")
    foreign = ["diary", "holiday.svg", "fleets/photos/picture.png", "state/theirs", "meshfleet.txt"]
    for name in foreign:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("<svg>theirs</svg>", encoding="utf-8")
    left = remove_home(home)
    assert [path.name for path in left] == ["diary", "fleets", "holiday.svg", "meshfleet.txt", "state"]
    assert [name for name in names(home) if (home / name).is_file() and name != MARKER] == sorted(foreign)


@pytest.mark.parametrize("foreign", ["state", "fleets", "pulumi", "passphrase"])
def test_a_directory_of_somebody_else_is_neither_taken_as_a_home_nor_removed(foreign: str, tmp_path: Path) -> None:
    (tmp_path / foreign / "deep").mkdir(parents=True)
    (tmp_path / foreign / "deep" / "file").touch()
    before = names(tmp_path)
    with pytest.raises(FileError, match=f"already contains {foreign}, which meshfleet did not create"):
        claim_home(tmp_path)
    remove_home(tmp_path)
    assert names(tmp_path) == before


def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
    home, elsewhere = fill(tmp_path / "home"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    for name in ("kubectl", "passphrase"):
        if (home / name).is_dir():
            (home / name).rmdir()
        else:
            (home / name).unlink()
        (home / name).symlink_to(elsewhere)
    (home / "fleets" / "linked").symlink_to(elsewhere)
    (home / "fleets" / "dev" / "inner").symlink_to(elsewhere)
    assert remove_home(home) == []
    assert names(elsewhere) == ["file"]


def test_a_home_that_is_a_link_goes_with_its_link(tmp_path: Path) -> None:
    home = fill(tmp_path / "disk")
    (tmp_path / "home").symlink_to(home)
    assert remove_home(tmp_path / "home") == []
    assert list(tmp_path.iterdir()) == []


def test_a_home_of_an_earlier_version_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    home = fill(tmp_path / "home")
    (home / MARKER).unlink()
    (home / "fleets" / "dev" / MARKER).unlink()
    (home / "fleets" / "dev" / "command.lock").touch()
    assert is_home(home)
    claim_home(home)
    assert (home / MARKER).is_file()
    assert remove_home(home) == []
    assert not home.exists()


@pytest.mark.parametrize("name", ["charts", "gateway-api"])
def test_links_to_charts_that_a_run_with_another_home_left_do_not_stop_one_with_the_home_in_the_checkout(
    name: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / name).symlink_to(tmp_path / "cache" / "toolchain" / "istio-0" / "charts")
    claim_home(home)
    assert (home / MARKER).is_file()


@pytest.mark.parametrize("name", ["charts", "gateway-api"])
def test_a_link_of_somebody_else_is_not_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(tmp_path / "my" / "charts")
    with pytest.raises(FileError, match=f"already contains {name}"):
        claim_home(tmp_path)
