"""While dev is up: what another user of the machine, and the application of one of its pods, get of the fleet."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.namespaces import path_of
from meshfleet.dataplane.network.place import RUN, Place
from meshfleet.dataplane.network.programs import mark_of
from meshfleet.testing import FleetUnderTest
from meshfleet.workspace.home import Workspace
from tests.integration.dev import CLUSTERS, neighbours
from tests.neighbour import as_user

pytestmark = [
    pytest.mark.proof("other users of the machine, and other pods, get nothing of a fleet", step=4),
    pytest.mark.root("network namespaces"),
]

RELAYED = (8080, 9876, 10250, 15010, 15012, 15014, 15017)
"""Where istiod and its neighbours could listen at the address of its pod."""


@pytest.fixture(scope="module")
def place(dev_fleet: FleetUnderTest) -> Place:
    return Place.of(Workspace("dev", dev_fleet.sandbox.home))


@pytest.fixture(scope="module")
def everything(dev_fleet: FleetUnderTest, place: Place) -> list[psutil.Process]:
    """All processes of the fleet: in the machine's own namespaces and in those of its own."""
    inside = namespaces.processes_in(*namespaces.names(place.prefix))
    return [*dev_fleet.sandbox.processes(), *(one for one in inside if one.pid != os.getpid())]


def listening(processes: list[psutil.Process]) -> tuple[set[tuple[str, int]], set[str]]:
    """The ports and the Unix sockets at which processes listen in the machine's own network namespace."""
    here = os.stat("/proc/self/ns/net").st_ino
    ports: set[tuple[str, int]] = set()
    sockets: set[str] = set()
    for process in processes:
        try:
            if os.stat(f"/proc/{process.pid}/ns/net").st_ino != here:
                continue
            for one in process.net_connections("all"):
                if isinstance(one.laddr, str):
                    # A relative path is from where the process is.
                    path = one.laddr if one.laddr[:1] in ("", "/", "@") else f"{process.cwd()}/{one.laddr}"
                    sockets |= {path} - {""}
                elif one.laddr and (one.status == psutil.CONN_LISTEN or one.type == 2):
                    ports.add((one.laddr.ip.removeprefix("::ffff:"), one.laddr.port))
        except (psutil.Error, OSError):
            continue
    return ports, sockets


@contextmanager
def passable(folder: Path) -> Iterator[None]:
    """Let others enter the folders above, so that the modes of the fleet's own are what keeps them out."""
    changed = {}
    try:
        for parent in folder.parents:
            mode = stat.S_IMODE(parent.stat().st_mode)
            if not mode & 0o001:
                changed[parent] = mode
                parent.chmod(mode | 0o011)
        yield
    finally:
        for parent, mode in changed.items():
            parent.chmod(mode)


def test_no_port_answers_another_user(everything: list[psutil.Process], capsys: pytest.CaptureFixture[str]) -> None:
    ports, _ = listening(everything)
    servers = {
        (one.laddr.ip, one.laddr.port)
        for process in everything
        if process.name().startswith("kube-apiserver")
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    }
    assert len(servers) == len(CLUSTERS)
    assert len(ports) >= 7 * len(CLUSTERS)
    found = as_user(neighbours.try_ports, sorted(ports))
    # An API server asks everybody for credentials; all others cannot even be reached.
    assert {(one.address, one.port) for one in found} == servers
    for one in found:
        answered = {path.removeprefix("https") for path in one.answered}
        assert answered <= neighbours.HEALTH, one
    with capsys.disabled():
        print(f"\n{len(ports)} ports on loopback tried as another user with {2 * len(neighbours.PATHS)} requests each")


def test_no_unix_socket_answers_another_user(dev_fleet: FleetUnderTest, everything: list[psutil.Process]) -> None:
    _, sockets = listening(everything)
    assert len([path for path in sockets if path.endswith("etcd.sock")]) == len(CLUSTERS)
    with passable(dev_fleet.sandbox.home):
        assert as_user(neighbours.try_sockets, sorted(sockets)) == []


def test_no_process_can_be_read_or_signalled_by_another_user(everything: list[psutil.Process]) -> None:
    numbers = sorted({process.pid for process in everything if process.is_running()})
    assert len(numbers) >= 30
    assert as_user(neighbours.try_processes, numbers) == []


def test_no_secret_is_on_a_command_line(everything: list[psutil.Process]) -> None:
    for process in everything:
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        assert "PRIVATE KEY" not in line
        assert "eyJ" not in line


def test_no_file_can_be_read_or_changed_by_another_user(dev_fleet: FleetUnderTest, place: Place) -> None:
    home = dev_fleet.sandbox.home
    assert len(list(home.rglob("*"))) > 100
    assert len(list(place.directory.rglob("*"))) > 50
    with passable(home):
        assert as_user(neighbours.try_files, [str(home), str(RUN)])[1] == []


def test_no_namespace_can_be_entered_or_reached_by_another_user(dev_fleet: FleetUnderTest, place: Place) -> None:
    names = namespaces.names(place.prefix)
    assert len(names) >= 3 * len(CLUSTERS) + 1
    assert as_user(neighbours.try_namespaces, [str(path_of(name)) for name in names]) == []
    addresses = [path.read_text(encoding="utf-8") for path in place.directory.glob("pods/*/*/address")]
    assert len(addresses) >= 3 * len(CLUSTERS)
    ports = [(address, port) for address in addresses[:3] for port in (15000, 15020)]
    # What leads out of the machine may take every connection; no pod is behind it.
    assert [one for one in as_user(neighbours.try_ports, ports) if one.answered] == []


def application(place: Place, cluster: str) -> psutil.Process:
    """The echo server of a cluster, which is the program of a pod."""
    names = namespaces.names(place.pods(cluster))
    inside = namespaces.processes_in(*names)
    return next(process for process in inside if mark_of(process) == "echo")


def istiods(place: Place, cluster: str) -> list[str]:
    """The addresses of the pods of a cluster's istiod."""
    found = []
    for process in namespaces.processes_in(*namespaces.names(place.pods(cluster))):
        line = process.cmdline()
        if "meshfleet.dataplane.network.relay" in line:
            found.append(line[line.index("meshfleet.dataplane.network.relay") + 2])
    return found


# One of three: what answers is the same program everywhere, and each closed port takes the time of an attempt.
@pytest.mark.parametrize("cluster", CLUSTERS[:1])
def test_istiod_treats_a_pod_as_a_pod(cluster: str, dev_fleet: FleetUnderTest, place: Place) -> None:
    pod = application(place, cluster)
    addresses = istiods(place, cluster)
    assert addresses
    ports = [(address, port) for address in addresses for port in RELAYED]
    # As the pod's proxy, whose traffic is not captured: what the application sends, its Envoy takes first.
    found = as_user(neighbours.try_ports, ports, user=pod.uids().real - 1, inside=pod.pid)
    answered = {path.split("/", 1)[1] for one in found for path in one.answered}
    assert {one.port for one in found} == {8080, 15012, 15017}
    assert answered <= {"ready"}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_pod_sees_no_key_no_home_and_no_other_process(cluster: str, dev_fleet: FleetUnderTest, place: Place) -> None:
    pod = application(place, cluster)
    user = pod.uids().real
    met, keys = as_user(neighbours.keys_in_sight, ["/usr", "/proc", "/sys", "/dev"], user=user, inside=pod.pid)
    assert met > 0
    assert keys == []
    seen = as_user(neighbours.processes_in_sight, user=user, inside=pod.pid)
    assert len([line for line in seen if "echo-server" in line]) == 1
    assert not [line for line in seen if "pilot-agent" in line or "etcd" in line]
    folders = [str(dev_fleet.sandbox.home), str(place.directory / "pods"), "/root", "/run/netns"]
    assert as_user(neighbours.try_files, folders, user=user, inside=pod.pid) == (0, [])


def test_every_program_of_a_pod_is_a_user_of_its_own(place: Place) -> None:
    users: dict[str, set[str]] = {}
    for name in namespaces.names(place.prefix):
        for process in namespaces.processes_in(name):
            line = process.cmdline()
            if line and line[0].startswith(str(place.directory / "bin")):
                users.setdefault(str(process.uids().real), set()).add(name)
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
                assert "NoNewPrivs:\t1" in status
                assert "CapPrm:\t0000000000000000" in status
    assert len(users) >= 3 * len(CLUSTERS)
    assert all(len(names) == 1 for names in users.values()), users
    assert not users.keys() & {"0", "1337", "65534"}
