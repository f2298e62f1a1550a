"""Processes that outlive us, are found again by what they are, and end when told."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshfleet.dataplane.sweep import sweep, sweep_cluster
from meshfleet.embedded.addresses import reserve_address
from meshfleet.embedded.loopback import close_ports
from meshfleet.embedded.ports import release_ports, reserve_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import ClusterError, ProcessError
from meshfleet.files import make_directory
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("processes that outlive the command and are found again", step=2)

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    workspace = Workspace("dev", tmp_path)
    directory = workspace.cluster("west")
    make_directory(directory / "bin")
    (directory / "bin" / "sleep").symlink_to(shutil.which("sleep") or "/bin/sleep")
    (directory / "bin" / "python").symlink_to(sys.executable)
    yield directory
    sweep("dev", tmp_path)
    assert processes.find(directory) == {}


def start(directory: Path, *arguments: str, program: str = "sleep") -> psutil.Process:
    environment = {"PATH": os.defpath}
    return processes.start(directory / "bin" / program, arguments, directory, directory / "log", environment)


def test_a_process_is_found_by_where_its_program_lies_and_by_nothing_else(directory: Path, tmp_path: Path) -> None:
    process = start(directory, "600")
    assert [found.pid for found in processes.find(directory)["sleep"]] == [process.pid]
    # One that merely mentions the directory, as an editor of a file in it would.
    other = directory.parent / "east"
    make_directory(other / "bin")
    (other / "bin" / "sleep").symlink_to(shutil.which("sleep") or "/bin/sleep")
    mention = processes.start(other / "bin" / "sleep", ["600"], directory, other / "log", {"NOTE": str(directory)})
    assert [found.pid for found in processes.find(directory)["sleep"]] == [process.pid]
    assert {path: list(found) for path, found in processes.find_all([directory, other]).items()} == {
        directory: ["sleep"],
        other: ["sleep"],
    }
    assert mention.is_running()


def test_it_has_a_session_of_its_own_and_a_private_log(directory: Path) -> None:
    before = os.umask(0)
    process = start(directory, "600")
    os.umask(before)
    assert os.getsid(process.pid) == process.pid
    assert process.environ() == {"PATH": os.defpath}
    assert (directory / "log").stat().st_mode & 0o777 == 0o600


def test_a_dead_process_is_noticed_at_once_although_its_parent_lives(directory: Path) -> None:
    process = start(directory, "600")
    process.kill()
    processes.end([process], grace=1)
    assert processes.find(directory) == {}


def test_one_that_does_not_listen_is_ended_all_the_same(directory: Path) -> None:
    process = start(directory, "-c", STUBBORN, program="python")

    def ready() -> None:
        if "ready" not in (directory / "log").read_text(encoding="utf-8"):
            raise NotYetError("no line in the log")

    wait_until(ready, "the program to start", 20, "look at the test")
    processes.end([process], grace=0.2)
    assert processes.find(directory) == {}


def test_the_log_of_the_run_before_is_kept(directory: Path) -> None:
    processes.end([start(directory, "600")], grace=5)
    start(directory, "600")
    assert (directory / "log.previous").exists()


def test_a_program_that_is_not_there_is_named(directory: Path) -> None:
    (directory / "bin" / "sleep").unlink()
    with pytest.raises(
        ProcessError, match=r"sleep: cannot be started \(No such file or directory\); run scripts/bootstrap"
    ):
        start(directory, "600")


def test_the_end_of_a_log_is_short_and_survives_odd_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\n".join([b"line %d \xff" % number for number in range(100)]) + b"\n" + b"x" * 1000)
    shown = processes.last_lines(log).splitlines()
    assert shown[0] == f"the last lines of {log}:"
    assert len(shown) == 13
    assert max(map(len, shown[1:])) <= 302
    assert processes.last_lines(tmp_path / "none") == f"no log at {tmp_path / 'none'}"


def test_a_wait_that_fails_says_for_what_what_it_saw_and_what_to_try() -> None:
    def never() -> None:
        raise NotYetError("HTTP 503")

    with pytest.raises(ClusterError, match=r"^waited 0 s for the server; last seen: HTTP 503; look at it$"):
        wait_until(never, "the server", 0.2, "look at it", failure=ClusterError)


def test_any_other_error_ends_a_wait_at_once() -> None:
    asked = []

    def broken() -> None:
        asked.append(1)
        raise ProcessError("it died")

    with pytest.raises(ProcessError, match=r"^it died$"):
        wait_until(broken, "the server", 30, "look at it")
    assert len(asked) == 1


def give_back(home: Path) -> None:
    """Release what is reserved, and with the last port the table of nftables."""
    with reservations(home) as held:
        owners = list(held.ports)
    for owner in owners:
        release_ports(home, owner)
    close_ports(home)


def _is_of_a_cluster(name: str) -> bool:
    """Whether this of a Workspace is the directory of one cluster, by its name alone."""
    method = getattr(Workspace, name)
    if name.startswith("_") or not inspect.isfunction(method):
        return False
    parameters = list(inspect.signature(method).parameters)
    return len(parameters) == 2 and parameters[1] in ("cluster", "name")


def test_one_cluster_is_swept_with_its_istiods_and_no_other(directory: Path, tmp_path: Path) -> None:
    workspace = Workspace("dev", tmp_path)
    # Every directory that a fleet has for one cluster, whatever will be added; in `containers` nothing is started.
    rooms = {name for name in vars(Workspace) if _is_of_a_cluster(name)} - {"containers", "processes_of"}
    assert rooms == {"cluster", "node", "cert_manager", "portal"}
    places = [workspace.istiod(name, revision) for name in ("west", "west-2") for revision in ("default", "canary")]
    others = [getattr(workspace, room)("west") for room in sorted(rooms - {"cluster"})]
    for place in (*places, *others):
        make_directory(place / "bin")
        (place / "bin" / "sleep").symlink_to(directory / "bin" / "sleep")
        start(place, "600")
    start(directory, "600")
    for fleet in ("dev", "prod"):
        for name in ("west", "west-2"):
            reserve_ports(tmp_path, f"{fleet}/cluster/{name}", ["etcd"])
            reserve_ports(tmp_path, f"{fleet}/istiod/{name}/default", ["http"])
            reserve_address(tmp_path, f"{fleet}/{name}/istio-system/gateway")
    # Whose folder somebody deleted is found by what it has reserved.
    shutil.rmtree(places[0])

    sweep_cluster("dev", "west", tmp_path)
    found = processes.find_all([directory, *others, *places])
    stays = [place in places[2:] for place in (directory, *others, *places)]
    assert [bool(found[place]) for place in (directory, *others, *places)] == stays
    assert [place.exists() for place in (directory, *others, *places)] == stays
    with reservations(tmp_path) as held:
        left = {*held.ports, *held.addresses}
    assert len(left) == 9
    for fleet, name in (("dev", "west-2"), ("prod", "west"), ("prod", "west-2")):
        left -= {f"{fleet}/cluster/{name}", f"{fleet}/istiod/{name}/default", f"{fleet}/{name}/istio-system/gateway"}
    assert left == set()
    sweep_cluster("dev", "west", tmp_path)
    give_back(tmp_path)


def test_sweeping_a_cluster_of_a_home_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    sweep_cluster("dev", "west", tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
