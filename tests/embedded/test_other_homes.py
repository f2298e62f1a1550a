"""The homes of one user never reserve the same port, also while the fleets of one of them are stopped."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from meshfleet.embedded import ports as ports_module
from meshfleet.embedded.ports import FIRST, release_ports, reserve_ports
from meshfleet.errors import PortError
from meshfleet.files import write_file

pytestmark = pytest.mark.proof("loopback ports and addresses that no two owners share", step=0)

NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MESHFLEET_CACHE", str(folder))
    return folder


@pytest.fixture
def few_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as five owners need, none of them in use by another program."""
    monkeypatch.setattr(ports_module, "LAST", FIRST + 5 * len(NAMES) - 1)
    monkeypatch.setattr(ports_module, "port_is_free", lambda port: True)


def numbers(home: Path) -> set[int]:
    return set(reserve_ports(home, "dev/istiod/west/default", NAMES).values())


@pytest.mark.usefixtures("few_ports")
def test_homes_that_reserve_at_the_same_moment_never_share_a_port(tmp_path: Path) -> None:
    homes = [tmp_path / str(number) for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        chosen = list(pool.map(numbers, homes))
    assert len(set().union(*chosen)) == 5 * len(NAMES)
    # Asked for another time, each has what it had.
    assert [numbers(home) for home in homes] == chosen
    with pytest.raises(PortError, match="no free port"):
        numbers(tmp_path / "one more")
    release_ports(homes[0], "dev/istiod/west/default")
    assert numbers(tmp_path / "one more") == chosen[0]


def test_a_home_looks_only_after_another_has_written_what_it_reserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports_module, "LAST", FIRST + 2 * len(NAMES) - 1)
    monkeypatch.setattr(ports_module, "port_is_free", lambda port: True)
    first_writes, second_is_done = Event(), Event()

    def slowly(path: Path, content: str) -> None:
        if path.parent.name == "one":
            first_writes.set()
            second_is_done.wait(0.5)
        write_file(path, content)

    monkeypatch.setattr("meshfleet.embedded.reservations.write_file", slowly)

    def reserve(name: str) -> set[int]:
        if name == "one":
            return numbers(tmp_path / name)
        assert first_writes.wait(10)
        found = numbers(tmp_path / name)
        second_is_done.set()
        return found

    with ThreadPoolExecutor() as pool:
        one, two = pool.map(reserve, ("one", "two"))
    assert not one & two


@pytest.mark.usefixtures("few_ports")
def test_a_home_that_was_removed_keeps_no_ports(tmp_path: Path, cache: Path) -> None:
    homes = [tmp_path / str(number) for number in range(5)]
    chosen = [numbers(home) for home in homes]
    shutil.rmtree(homes[2])
    assert numbers(tmp_path / "one more") == chosen[2]
    assert len(list(cache.glob("homes/*"))) == 6  # five homes and the lock


@pytest.mark.usefixtures("few_ports")
@pytest.mark.parametrize("damage", ["", "\0", "nowhere", "{", "/\n/"])
def test_a_damaged_list_or_record_of_another_home_stops_no_one(tmp_path: Path, cache: Path, damage: str) -> None:
    other, home = tmp_path / "other", tmp_path / "home"
    numbers(other)
    (entry,) = (path for path in (cache / "homes").iterdir() if not path.suffix)
    entry.write_text(damage, encoding="utf-8")
    assert len(numbers(home)) == len(NAMES)
    (other / "reservations.json").write_text(damage, encoding="utf-8")
    assert len(set(reserve_ports(home, "dev/istiod/east/default", NAMES).values())) == len(NAMES)
    # The other home lists itself when it next reserves something.
    (other / "reservations.json").unlink()
    assert numbers(other).isdisjoint(numbers(home))


def test_a_cache_that_cannot_be_written_to_stops_no_one(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("", encoding="ascii")
    assert len(numbers(tmp_path / "home")) == len(NAMES)
