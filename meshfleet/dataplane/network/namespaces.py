"""Network namespaces: made, entered, looked into, removed with all that runs in them.

Source: https://man7.org/linux/man-pages/man8/ip-netns.8.html, whose way of naming them is kept, so that `ip netns`
shows them and enters them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from meshfleet.errors import NetworkError
from meshfleet.errors.containment import Failure, each, require_none
from meshfleet.workspace import fleet_processes as processes

if TYPE_CHECKING:
    import psutil

T = TypeVar("T")
NAMED: Final = Path("/run/netns")
# The first interface of every namespace.
_LOOPBACK: Final = 1
_CLONE_NEWNET: Final = 0x40000000
_GRACE_SECONDS: Final = 2.0
_ROUNDS: Final = 5


def path_of(name: str) -> Path:
    """The file that keeps a namespace alive."""
    return NAMED / name


def exists(name: str) -> bool:
    """Whether there is one of that name, and not only the file of one that a restart of the machine took."""
    return os.path.ismount(path_of(name))


def names(prefix: str) -> tuple[str, ...]:
    """Those whose name begins so, what is left of some included."""
    return tuple(sorted(path.name for path in NAMED.glob(f"{prefix}*")))


def create(name: str) -> None:
    """Make one, with its loopback interface up and without IPv6. One that is there is kept. Raises NetworkError."""
    from pyroute2 import netns

    if not exists(name):
        path_of(name).unlink(missing_ok=True)
        try:
            netns.create(name)
        except OSError as error:
            raise NetworkError(f"network namespace {name}: cannot be made ({error.strerror}); run as root") from error
    inside(name, _prepare)


def _prepare() -> None:
    from pyroute2 import IPRoute

    # Istio's own filters and the addresses here are of IPv4; with both, everything would be there twice.
    set_kernel("net/ipv6/conf/all/disable_ipv6", "1")
    with IPRoute() as netlink:
        netlink.link("set", index=_LOOPBACK, state="up")


def set_kernel(setting: str, value: str) -> None:
    """Write a setting below /proc/sys of the namespace this thread is in. Raises NetworkError."""
    try:
        (Path("/proc/sys") / setting).write_text(value, encoding="ascii")
    except OSError as error:
        raise NetworkError(f"/proc/sys/{setting}: cannot be set to {value} ({error.strerror})") from error


def inside(name: str, action: Callable[[], T]) -> T:
    """Do something in a namespace and return its answer: in a thread of its own, which ends there.

    Sockets and processes that it makes stay in that namespace. Raises NetworkError when there is none, and whatever
    `action` raises.
    """
    # The thread that has entered it never comes back, and ends with the pool.
    with ThreadPoolExecutor(1, thread_name_prefix=f"in {name}") as pool:
        return pool.submit(_entered, name, action).result()


def _entered(name: str, action: Callable[[], T]) -> T:
    enter_named(name)
    return action()


@contextmanager
def threads_in(name: str, count: int, prefix: str) -> Iterator[ThreadPoolExecutor]:
    """At most `count` threads that work in a namespace. Raises NetworkError when there is none of that name."""
    # Raised here instead of as a broken thread pool.
    inside(name, lambda: None)
    with ThreadPoolExecutor(count, prefix, initializer=enter_named, initargs=(name,)) as pool:
        yield pool


def enter_named(name: str) -> None:
    """Move the calling thread into a namespace, for good. Raises NetworkError."""
    try:
        descriptor = os.open(path_of(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NetworkError(f"network namespace {name}: {error.strerror}") from error
    try:
        enter(descriptor)
    finally:
        os.close(descriptor)


def enter(descriptor: int) -> None:
    """Move the calling thread into the namespace of an open file. Raises NetworkError."""
    # os.setns comes with Python 3.12.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        raise NetworkError(f"a network namespace cannot be entered ({os.strerror(ctypes.get_errno())}); run as root")


def processes_in(*wanted: str) -> list[psutil.Process]:
    """Everything that runs in these namespaces."""
    import psutil

    nodes = set()
    for name in wanted:
        try:
            nodes.add(os.stat(path_of(name)).st_ino)
        except OSError:
            continue
    found = []
    for process in psutil.process_iter() if nodes else ():
        try:
            if os.stat(f"/proc/{process.pid}/ns/net").st_ino in nodes:
                found.append(process)
        except OSError:
            # It has just ended.
            continue
    return found


def remove(*unwanted: str) -> None:
    """End all that runs in these and remove them; fine when there is none. Raises NetworkError, ProcessError.

    One that cannot be removed, or in which something does not end, keeps no other; the error names what is left.
    """
    failures: list[Failure[Any]] = list(each([unwanted], lambda names: end_programs(*names)))
    left = {name for name in unwanted if processes_in(name)} if failures else set()
    failures += each([name for name in unwanted if name not in left], _remove)
    require_none(failures)


def end_programs(*unwanted: str) -> None:
    """End all that runs in these; fine when there is none. Raises NetworkError, ProcessError."""
    for _ in range(_ROUNDS):
        running = processes_in(*unwanted)
        if not running:
            return
        processes.end(running, _GRACE_SECONDS)
    raise NetworkError(f"something keeps starting programs in {', '.join(unwanted)}; terminate it first")


def _remove(name: str) -> None:
    from pyroute2 import netns

    try:
        if exists(name):
            netns.remove(name)
        path_of(name).unlink(missing_ok=True)
    except FileNotFoundError:
        # Somebody else has just removed it.
        return
    except OSError as error:
        raise NetworkError(f"network namespace {name}: cannot be removed ({error.strerror})") from error
