"""Whatever fails while an engine starts or ends, the machine is restored, then or by the next stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from meshfleet.containers import engine as module
from meshfleet.containers.engine import Engine
from meshfleet.containers.folder_lock import locked
from meshfleet.containers.machine_settings import CHANGED, FOLDERS, INOTIFY, Machine
from meshfleet.containers.place import Place
from meshfleet.errors import ContainersError
from meshfleet.processes.bounded_run import Ended

pytestmark = pytest.mark.proof("an engine of containers that leaves no trace", step=0)

BEFORE = dict.fromkeys(CHANGED, "1")


class Killed(BaseException):
    """As SIGKILL: what is cleaned up afterwards is cleaned up by another process."""


class FakeDaemon:
    """What a daemon does to a machine: it and its nodes change settings and make folders."""

    def __init__(self, engine: Engine) -> None:
        self._machine = engine.machine
        self.runs = False
        self.containers: list[str] = []
        self.all: list[str] = []

    def change_machine(self) -> None:
        self.runs = True
        for name in CHANGED:
            (self._machine.root / "proc/sys" / name.replace(".", "/")).write_text("77\n")
        for folder in FOLDERS:
            (self._machine.root / folder).mkdir(parents=True, exist_ok=True)

    def clear(self, _: Place) -> None:
        self.runs = False


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with TemporaryDirectory(prefix="mf-") as folder:
        root = Path(folder)
        (root / "programs/usr/sbin").mkdir(parents=True)
        (root / "c/engine").mkdir(parents=True)
        (root / "programs/usr/sbin/dockerd").touch()
        for name, value in BEFORE.items():
            path = root / "m/proc/sys" / name.replace(".", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
        (root / "m/proc/sys/kernel/random").mkdir()
        (root / "m/proc/sys/kernel/random/boot_id").write_text("boot\n")
        monkeypatch.setattr("os.geteuid", lambda: 0)
        yield Engine(Place(root / "c"), root / "programs", root / "kind", Machine(root / "m", root / "notes"))


@pytest.fixture
def daemon(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> FakeDaemon:
    made = FakeDaemon(engine)
    monkeypatch.setattr(module, "clear_remains", made.clear)
    monkeypatch.setattr(module, "processes_of", lambda _: [])
    monkeypatch.setattr(Engine, "_start_daemon", lambda _: made.change_machine())
    monkeypatch.setattr(Engine, "is_running", lambda _: made.runs)
    monkeypatch.setattr(Engine, "_daemon", lambda _: object() if made.runs else None)
    monkeypatch.setattr(Engine, "running_containers", lambda _: made.containers)
    monkeypatch.setattr(Engine, "run", lambda *_, **__: Ended(0, "\n".join(made.all), ""))
    monkeypatch.setattr(module, "end", lambda *_: None)
    return made


def test_a_second_start_does_nothing(engine: Engine, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.start()
    monkeypatch.setattr(Engine, "_start_daemon", _never)
    engine.start()
    assert daemon.runs


def test_a_start_that_fails_restores_the_machine(
    engine: Engine, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Engine) -> None:
        daemon.change_machine()
        raise ContainersError("dockerd ended")

    monkeypatch.setattr(Engine, "_start_daemon", fail)
    with pytest.raises(ContainersError, match="dockerd ended"):
        engine.start()
    _require_restored(engine)


def test_an_engine_with_clusters_is_stopped_by_force_alone(engine: Engine, daemon: FakeDaemon) -> None:
    engine.start()
    daemon.containers = ["west-control-plane"]
    with pytest.raises(ContainersError, match=r"runs west-control-plane; remove these clusters first, .* --force"):
        engine.stop()
    assert daemon.runs
    assert engine.machine.setting(INOTIFY) == "77"
    engine.stop(force=True)
    _require_restored(engine)


def test_an_engine_in_use_is_not_stopped_before_its_first_container(engine: Engine, daemon: FakeDaemon) -> None:
    with engine.in_use(), engine.in_use():
        # Another process, as far as a lock of the kernel is concerned.
        assert not engine.stop_if_unused()
        with pytest.raises(ContainersError, match="a cluster is being made in the Docker engine"):
            engine.stop()
        assert daemon.runs
    assert engine.stop_if_unused()
    _require_restored(engine)


def test_an_engine_with_containers_that_do_not_run_is_not_unused(engine: Engine, daemon: FakeDaemon) -> None:
    engine.start()
    daemon.all = ["stopped-control-plane"]
    assert not engine.stop_if_unused()
    assert daemon.runs
    daemon.all = []
    assert engine.stop_if_unused()
    _require_restored(engine)


def test_a_use_waits_for_a_stop_and_then_starts_the_engine(engine: Engine, daemon: FakeDaemon) -> None:
    engine.start()
    with ThreadPoolExecutor(1) as pool:
        with locked(engine.place.engine, 1):
            used = pool.submit(_use, engine)
            daemon.runs = False
            assert not used.done()
        assert used.result(30)


@pytest.mark.parametrize("life", ["start", "stop"])
def test_killed_at_any_step_the_next_stop_restores_the_machine(
    engine: Engine, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, life: str
) -> None:
    steps: list[tuple[Any, str]] = [
        (module, "clear_remains"),
        (Machine, "prepare"),
        (Machine, "restore"),
        (Engine, "_start_daemon"),
        (module, "end"),
    ]
    killed = 0
    for owner, name in steps:
        for after in (False, True):
            if life == "stop":
                engine.start()
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, _killing(getattr(owner, name), after=after))
                # A process that is killed cleans nothing up.
                patch.setattr(Engine, "_clear", Engine._clear if name in ("clear_remains", "restore") else _nothing)
                try:
                    engine.start() if life == "start" else engine.stop()
                except Killed:
                    killed += 1
            engine.stop()
            _require_restored(engine)
    assert killed >= 5


def _killing(act: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if after:
            act(*arguments, **named)
        raise Killed

    return wrapped


def _require_restored(engine: Engine) -> None:
    assert {name: engine.machine.setting(name) for name in CHANGED} == BEFORE
    assert not any((engine.machine.root / folder).exists() for folder in FOLDERS)
    assert engine.machine.record() is None
    assert not engine.is_running()


def _use(engine: Engine) -> bool:
    with engine.in_use():
        return engine.is_running()


def _never(_: Engine) -> None:
    raise AssertionError("started twice")


def _nothing(_: Engine) -> None:
    """What a killed process does."""
