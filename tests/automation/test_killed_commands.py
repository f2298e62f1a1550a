"""`up` and `destroy` killed with SIGKILL at 20 points, by count of what they do to files: the next one converges.

The engine does nothing here; kills of real ones are in tests/integration/faults/test_killed_fleets.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from meshfleet.embedded.cluster_spec import COMPONENTS
from meshfleet.processes.process_table import rows
from meshfleet.workspace import fleet_processes as processes
from tests.automation.made_up_home import CLUSTER, STACK, fill
from tests.automation.stack_files import Command
from tests.automation.test_damaged_files import DATA, fake_engine

pytestmark = pytest.mark.proof("up goes on after kill -9 at any point, and destroy leaves nothing", step=0)

__all__ = ["fake_engine"]

POINTS = 20
CALLS = ("open", "replace", "unlink", "rmdir", "mkdir", "fsync", "symlink")


@pytest.fixture
def home_of(tmp_path: Path, fake_engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """A home of a running fleet, by name."""
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)

    def make(name: str) -> Path:
        home = tmp_path / name
        monkeypatch.setenv("MESHFLEET_HOME", str(home))
        fill(home)
        return home

    yield make
    processes.end([psutil.Process(row.pid) for row in rows() if row.program.startswith(f"{tmp_path}/")], 0)


def killed_after(calls: int, action: Callable[[], object]) -> int:
    """Do it in a process of its own, which kills itself at that call; how many it made, where it came to its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        done = 0

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def perform(*arguments: object, **options: object) -> object:
                nonlocal done
                if done == calls:
                    os.kill(os.getpid(), signal.SIGKILL)
                done += 1
                return call(*arguments, **options)

            return perform

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            action()
            os.write(writing, str(done).encode())
        finally:
            os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    assert text or os.WIFSIGNALED(status)
    return int(text or -1)


def alive(home: Path) -> set[str]:
    return {row.name for row in rows() if row.program.startswith(f"{home}/")}


def points(total: int) -> list[int]:
    assert total >= POINTS, f"only {total} calls"
    return [total * number // POINTS for number in range(POINTS)]


def test_an_up_that_was_killed_anywhere_is_finished_by_the_next_and_loses_nothing(
    home_of: Callable[[str], Path], meshfleet: Command
) -> None:
    home = home_of("up")
    # The first one has more to do than those that come after it.
    assert meshfleet("up", "--stack", STACK).exit_code == 0
    total = killed_after(-1, lambda: meshfleet("up", "--stack", STACK))
    for point in points(total):
        assert killed_after(point, lambda: meshfleet("up", "--stack", STACK)) == -1
        result = meshfleet("up", "--stack", STACK)
        assert result.exit_code == 0, (point, result.output)
        assert alive(home) == set(COMPONENTS), point
        assert (home / DATA).read_text(encoding="utf-8") == "the data of the cluster"
        assert not list(home.rglob("command.json"))


def test_a_destroy_that_was_killed_anywhere_is_finished_by_the_next_and_leaves_nothing(
    home_of: Callable[[str], Path], meshfleet: Command
) -> None:
    home_of("first")
    total = killed_after(-1, lambda: meshfleet("destroy", "--stack", STACK, "--yes"))
    for point in points(total):
        home = home_of(f"killed-{point}")
        assert killed_after(point, lambda: meshfleet("destroy", "--stack", STACK, "--yes")) == -1
        result = meshfleet("destroy", "--stack", STACK, "--yes")
        assert result.exit_code == 0, (point, result.output)
        assert alive(home) == set(), point
        assert not (home / "fleets" / STACK).exists(), point
        left = (home / "reservations.json").read_text(encoding="utf-8")
        assert f"{STACK}/" not in left, point
        assert CLUSTER not in left, point
