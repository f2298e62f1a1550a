"""What a Docker engine leaves on the machine when it ends, or is killed: processes, mounts, its bridge, its cgroups.

Everything is found by what it belongs to: processes by the identity in their environment (docker-proxy, containerd and
its shims inherit it) or by the cgroup of all containers, mounts by their path, the bridge by its name.

Sources: https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html, https://docs.kernel.org/admin-guide/cgroup-v2.html
and https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
"""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.containers.machine_settings import remove_left_folder
from meshfleet.containers.place import Place
from meshfleet.containers.programs import run_program
from meshfleet.errors import ContainersError
from meshfleet.files import file_error, remove_file
from meshfleet.processes.process_table import rows
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace.fleet_processes import end

if TYPE_CHECKING:
    import psutil

_CGROUPS: Final = Path("/sys/fs/cgroup")
_LINKS: Final = Path("/sys/class/net")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_GRACE: Final = 10.0
_EMPTY_SECONDS: Final = 60.0
_ADVICE: Final = "check them with ps, and run the command again"


def clear_remains(place: Place) -> None:
    """Remove all of it; fine when nothing is there. The engine itself must have ended. Raises MeshfleetError."""
    end(processes_of(place.identity), _GRACE)
    _end_contained(place.identity)
    for mount in mounts_below(place.engine, _MOUNTS.read_text(encoding="utf-8")):
        run_program(["umount", mount], seconds=30, advice="check what uses it with fuser -m, and run the command again")
    _remove_bridge(place.bridge)
    for cgroup in cgroups_of(place.identity):
        _remove_cgroup(cgroup)
    for name in ("docker.sock", "docker.pid"):
        remove_file(place.engine / name)
    # As a folder below /run after a restart: containerd would take the number in it for one that still runs.
    remove_left_folder(place.exec)


def processes_of(identity: str) -> list[psutil.Process]:
    """The engine's own processes: the daemon, containerd, its shims and the proxies of published ports."""
    import psutil

    found = []
    for row in rows():
        if row.identity == identity:
            try:
                found.append(psutil.Process(row.pid))
            except psutil.NoSuchProcess:
                continue
    return found


def cgroups_of(identity: str, root: Path = _CGROUPS) -> list[Path]:
    """The cgroup of all containers in each hierarchy (version 1) or in the one there is (version 2).

    An engine of an earlier release has it in the cgroup of the process that started the daemon, wherever that is.
    """
    found = []
    for folder, names, _ in os.walk(root):
        if identity in names:
            names.remove(identity)
            found.append(Path(folder, identity))
    return found


def contained_processes(identity: str, root: Path = _CGROUPS) -> set[int]:
    """The ids of all processes in containers of an engine."""
    return {pid for cgroup in cgroups_of(identity, root) for pid in _pids_below(cgroup)}


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """The mount points below a folder, deepest and latest first, out of the text of a mountinfo file."""
    points = [_unescaped(line.split(" ")[4]) for line in mountinfo.splitlines() if line.count(" ") > 4]
    return [point for point in reversed(points) if point.startswith(f"{folder}{os.sep}")]


def _unescaped(point: str) -> str:
    """Spaces and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)


def remove_root(root: Path) -> None:
    """Remove a root that was being made; fine when it is gone. Raises ContainersError while anything is mounted in it.

    What removes files goes through mounts, and /proc and /sys of a root are those of the machine.
    """
    mounted = mounts_below(root, _MOUNTS.read_text(encoding="utf-8"))
    if mounted:
        raise ContainersError(
            f"{mounted[0]}: is mounted, so {root} is not removed; umount it, and run the command again"
        )
    remove_left_folder(root)


def _end_contained(identity: str) -> None:
    def none_left() -> None:
        left = contained_processes(identity)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if left:
            raise NotYetError(f"processes {', '.join(map(str, sorted(left)[:10]))}")

    wait_until(none_left, "the processes in containers to end", _EMPTY_SECONDS, _ADVICE, failure=ContainersError)


def _pids_below(cgroup: Path) -> Iterator[int]:
    for folder, _, names in os.walk(cgroup):
        if "cgroup.procs" in names:
            try:
                text = Path(folder, "cgroup.procs").read_text(encoding="ascii")
            except OSError:
                # It was removed meanwhile, or is threaded and says so.
                continue
            # A process of another namespace is shown as 0.
            yield from (int(word) for word in text.split() if word != "0")


def _remove_bridge(name: str) -> None:
    # An end of a pair whose other end never reached a container is a port of it.
    for port in sorted(path.name for path in (_LINKS / name / "brif").glob("*")):
        _remove_link(port)
    _remove_link(name)


def _remove_link(name: str) -> None:
    """Remove a link; fine when it is gone: the kernel removes the ends of pairs a moment after their namespace."""
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as route:
            for index in route.link_lookup(ifname=name):
                route.link("del", index=index)
    except NetlinkError as error:
        if error.code != errno.ENODEV:
            raise ContainersError(
                f"{name}: the link cannot be removed ({os.strerror(error.code)}); check it with ip link show {name}"
            ) from error


def _remove_cgroup(cgroup: Path) -> None:
    def gone() -> None:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                # The kernel counts a process for a moment after it has ended.
                raise NotYetError(str(file_error(Path(folder), error))) from error

    wait_until(gone, f"{cgroup} to be empty", _EMPTY_SECONDS, _ADVICE, failure=ContainersError)
