"""The end of a pod: who is told, in which order, and who is left in peace for how long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshfleet.dataplane.node.containers import Container
from meshfleet.dataplane.node.termination import end_containers
from meshfleet.workspace import fleet_processes as processes

pytestmark = pytest.mark.proof("a pod ends as a kubelet ends it: in order, drained, in its time", step=2)

# Says when it is told to end, and ends only then, or never.
PROGRAM = """\
import pathlib, signal, sys, time
path, stubborn = pathlib.Path(sys.argv[1]), len(sys.argv) > 2
def told(*_):
    path.write_text(str(time.monotonic()))
    if not stubborn:
        time.sleep(0.3)
        path.with_suffix(".ended").write_text(str(time.monotonic()))
        sys.exit(0)
signal.signal(signal.SIGTERM, told)
path.with_suffix(".ready").touch()
while True:
    time.sleep(60)
"""


def container(name: str, *, sidecar: bool = False, pause: float = 0.0) -> Container:
    return Container(
        name=name,
        image="",
        arguments=(),
        environment={},
        mounts=(),
        first=sidecar,
        sidecar=sidecar,
        started=None,
        ready=None,
        pause=pause,
    )


class Pod:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, psutil.Process] = {}

    def start(self, name: str, *, stubborn: bool = False) -> None:
        path = self.folder / name
        arguments = ["-c", PROGRAM, str(path), *(["stubborn"] if stubborn else [])]
        log = self.folder / f"{name}.log"
        self.running[name] = processes.start(Path(sys.executable), arguments, self.folder, log, {})
        deadline = time.monotonic() + 20
        while not path.with_suffix(".ready").exists():
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.01)

    def of(self, name: str) -> list[psutil.Process]:
        return [self.running[name]] if name in self.running else []

    def left(self) -> list[psutil.Process]:
        """Those that run; one that has ended may be collected a moment later."""
        return list(psutil.wait_procs(list(self.running.values()), timeout=10)[1])

    def moment(self, name: str) -> float:
        return float((self.folder / name).read_text(encoding="utf-8"))


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path)
    yield made
    processes.end(list(made.running.values()), 0)


def test_sidecars_are_ended_after_all_others_and_the_last_one_first(pod: Pod) -> None:
    containers = [container("first", sidecar=True), container("second", sidecar=True), container("app")]
    for one in containers:
        pod.start(one.name)
    end_containers(containers, pod.of, 30, threading.Event())
    assert pod.moment("app.ended") <= pod.moment("second")
    assert pod.moment("second.ended") <= pod.moment("first")
    assert pod.left() == []


def test_a_container_runs_on_for_its_pause_and_its_neighbour_gets_the_signal_at_once(pod: Pod) -> None:
    containers = [container("app", pause=1.0), container("proxy")]
    for one in containers:
        pod.start(one.name)
    begun = time.monotonic()
    end_containers(containers, pod.of, 30, threading.Event())
    assert pod.moment("app") - begun >= 1.0
    assert pod.moment("proxy.ended") < pod.moment("app")


def test_what_does_not_end_in_the_time_of_the_pod_is_killed(pod: Pod) -> None:
    pod.start("app", stubborn=True)
    begun = time.monotonic()
    end_containers([container("app")], pod.of, 0.5, threading.Event())
    assert time.monotonic() - begun >= 0.5
    assert pod.left() == []


def test_nobody_is_waited_for_where_nothing_runs(pod: Pod) -> None:
    begun = time.monotonic()
    end_containers([container("app", pause=30.0)], pod.of, 30, threading.Event())
    assert time.monotonic() - begun < 10


def test_an_agent_that_leaves_ends_nothing_more(pod: Pod) -> None:
    pod.start("app")
    leave = threading.Event()
    leave.set()
    end_containers([container("app", pause=30.0)], pod.of, 60, leave)
    assert pod.running["app"].is_running()
    assert not (pod.folder / "app").exists()
