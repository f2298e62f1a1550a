"""What of the machine is recorded before an engine starts, and put back whatever ends in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from meshfleet.containers import machine_settings
from meshfleet.containers.machine_settings import CHANGED, FOLDERS, INOTIFY, INOTIFY_NEEDED, Machine
from meshfleet.errors import ContainersError, FileError, NewerFileError

pytestmark = pytest.mark.proof("an engine of containers that leaves no trace", step=0)

BEFORE = {name: str(number) for number, name in enumerate(CHANGED)}
AFTER = dict.fromkeys(CHANGED, "4242")
BOOT = "0e7a1f2c-boot"


class Killed(BaseException):
    """As SIGKILL: no handler and no cleanup of ours sees it."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "root", tmp_path / "run/notes")
    (tmp_path / "run").mkdir()
    for name, value in BEFORE.items():
        _write(made, name, value)
    boot = made.root / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text(f"{BOOT}\n")
    return made


def test_the_first_record_is_the_truth(machine: Machine) -> None:
    machine.prepare(Path("/cache/engine"))
    _run_nodes(machine)
    machine.prepare(Path("/cache/engine"))
    machine.prepare(Path("/another/engine"))
    record = machine.record()
    assert record is not None
    assert dict(record.settings) == BEFORE
    assert record.engines == ("/cache/engine", "/another/engine")
    _stop(machine)
    assert _settings(machine) == BEFORE


def test_the_machine_is_restored_when_the_last_engine_ends(machine: Machine) -> None:
    first, second, killed = Path("/first"), Path("/second"), Path("/killed")
    for engine in (first, second, killed):
        machine.prepare(engine)
    _run_nodes(machine)
    machine.restore(first, lambda engine: engine == second)
    assert _settings(machine) == AFTER
    machine.restore(first, lambda engine: engine == second)
    assert _settings(machine) == AFTER
    machine.restore(second, lambda _: False)
    assert _settings(machine) == BEFORE


def test_two_commands_do_not_touch_the_record_at_once(machine: Machine) -> None:
    engines = [Path(f"/{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(machine.prepare, engines))
    record = machine.record()
    assert record is not None
    assert sorted(record.engines) == sorted(map(str, engines))
    assert dict(record.settings) == BEFORE


def test_nodes_get_the_inotify_instances_they_need(machine: Machine) -> None:
    machine.prepare(Path("/e"))
    assert machine.setting(INOTIFY) == str(INOTIFY_NEEDED)


def test_a_machine_that_allows_more_is_left_alone(machine: Machine) -> None:
    _write(machine, INOTIFY, "8192")
    machine.prepare(Path("/e"))
    assert machine.setting(INOTIFY) == "8192"


def test_folders_of_docker_go_if_they_were_not_there(machine: Machine) -> None:
    kept, *made = FOLDERS
    (machine.root / kept).mkdir(parents=True)
    (machine.root / kept / "key.json").write_text("{}")
    machine.prepare(Path("/e"))
    _run_nodes(machine)
    _stop(machine)
    assert (machine.root / kept / "key.json").exists()
    assert not any((machine.root / folder).exists() for folder in made)


def test_nothing_is_left_of_the_record(machine: Machine) -> None:
    machine.prepare(Path("/e"))
    _stop(machine)
    assert not machine.notes.exists()
    _stop(machine)


def test_a_record_of_before_a_restart_says_nothing(machine: Machine) -> None:
    machine.prepare(Path("/e"))
    (machine.root / "proc/sys/kernel/random/boot_id").write_text("another\n")
    _write(machine, "kernel.panic", "7")
    assert machine.record() is None
    _stop(machine)
    assert machine.setting("kernel.panic") == "7"
    assert not machine.record_file.exists()


def test_a_setting_that_the_kernel_lacks_is_not_recorded(machine: Machine) -> None:
    (machine.root / "proc/sys/fs/protected_fifos").unlink()
    machine.prepare(Path("/e"))
    record = machine.record()
    assert record is not None
    assert "fs.protected_fifos" not in record.settings
    _stop(machine)
    assert machine.setting("fs.protected_fifos") is None


def test_a_refusal_says_which_setting_and_what_to_do(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str, **_: Any) -> int:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(ContainersError, match=r"fs\.inotify\.max_user_instances: cannot be set to 1024 .* sysctl -w"):
        machine.prepare(Path("/e"))


@pytest.mark.parametrize("life", ["prepare", "restore", "prepare again"])
def test_killed_at_any_place_the_machine_is_restored(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, life: str
) -> None:
    """Every write and every removal is a place; after each kill the next stop puts everything back."""
    place = 0
    while True:
        _reset(machine)
        if life != "prepare":
            machine.prepare(Path("/e"))
            _run_nodes(machine)
        act = (lambda: _stop(machine)) if life == "restore" else lambda: machine.prepare(Path("/f"))
        with _killed_at(place, monkeypatch) as was_killed, suppress(Killed):
            act()
        if not was_killed():
            break
        _stop(machine)
        assert _settings(machine) == BEFORE, place
        assert not any((machine.root / folder).exists() for folder in FOLDERS), place
        assert not machine.record_file.exists(), place
        place += 1
    assert place >= 1


DAMAGED = {
    "empty": "",
    "no object": "[]",
    "cut": '{"version": 1, "engines": ["/e"], "bo',
    "no settings": json.dumps({"version": 1, "engines": ["/e"], "boot": BOOT, "absent": []}),
    "a setting never recorded": json.dumps(
        {"version": 1, "engines": ["/e"], "boot": BOOT, "settings": {"kernel.core_pattern": "1"}, "absent": []}
    ),
    "a path out of /proc/sys": json.dumps(
        {"version": 1, "engines": ["/e"], "boot": BOOT, "settings": {"../../etc/passwd": "1"}, "absent": []}
    ),
    "a value that is no number": json.dumps(
        {"version": 1, "engines": ["/e"], "boot": BOOT, "settings": {"kernel.panic": "|/bin/sh"}, "absent": []}
    ),
    "a folder never recorded": json.dumps(
        {"version": 1, "engines": ["/e"], "boot": BOOT, "settings": {}, "absent": ["etc"]}
    ),
    "a folder that is a number": json.dumps(
        {"version": 1, "engines": ["/e"], "boot": BOOT, "settings": {}, "absent": [1]}
    ),
    "an engine that is a number": json.dumps(
        {"version": 1, "engines": [1], "boot": BOOT, "settings": {}, "absent": []}
    ),
    "a version that is a text": json.dumps({"version": "1"}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_record_is_reported_and_changes_nothing(machine: Machine, what: str) -> None:
    machine.notes.mkdir(parents=True)
    machine.record_file.write_text(DAMAGED[what])
    for act in (lambda: _stop(machine), lambda: machine.prepare(Path("/e"))):
        with pytest.raises(FileError, match=r"machine\.json: (damaged|empty).*remove that file and run"):
            act()
    assert _settings(machine) == BEFORE
    assert machine.record_file.read_text() == DAMAGED[what]


def test_a_record_of_a_later_version_is_not_touched(machine: Machine) -> None:
    machine.notes.mkdir(parents=True)
    machine.record_file.write_text('{"version": 2}')
    with pytest.raises(NewerFileError, match="written by a later version"):
        _stop(machine)


def _stop(machine: Machine) -> None:
    machine.restore(Path("/e"), lambda _: False)


def _write(machine: Machine, name: str, value: str) -> None:
    path = machine.root / "proc/sys" / name.replace(".", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def _settings(machine: Machine) -> dict[str, str | None]:
    return {name: machine.setting(name) for name in CHANGED}


def _run_nodes(machine: Machine) -> None:
    for name, value in AFTER.items():
        _write(machine, name, value)
    for folder in FOLDERS:
        (machine.root / folder / "deep").mkdir(parents=True, exist_ok=True)


def _reset(machine: Machine) -> None:
    _stop(machine)
    for name, value in BEFORE.items():
        _write(machine, name, value)


@contextmanager
def _killed_at(place: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """Have the process end before its `place`th change of a file; the answer says whether it got that far."""
    seen = 0

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == place + 1:
                raise Killed
            return act(*arguments, **named)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("write_file", "remove_file", "make_directory", "remove_left_folder"):
            patch.setattr(machine_settings, name, counted(getattr(machine_settings, name)))
        patch.setattr(Path, "write_text", counted(Path.write_text))
        patch.setattr(Path, "rmdir", counted(Path.rmdir))
        yield lambda: seen > place
