"""Another user of the machine: what a function returns when it runs as one."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

T = TypeVar("T")
STRANGER: Final = 65534
"""The user `nobody`, who has no part in any fleet."""
_SECONDS: Final = 120
_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)
# Names of hosts are encoded by a module that the other user may not be able to read.
"localhost".encode("idna")


def as_user(action: Callable[..., T], *arguments: Any, user: int = STRANGER, inside: int = 0) -> T:
    """Do something as another user, without groups and capabilities, in a process of its own. Takes root.

    With `inside` in the network and with the files of that process.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(there, user, inside, action, arguments))
    child.start()
    there.close()
    try:
        assert here.poll(_SECONDS), "it does not return"
        worked, value = here.recv()
    finally:
        child.kill()
        child.join()
        here.close()
    if not worked:
        raise AssertionError(value)
    return value  # type: ignore[no-any-return]


def _run(answer: Connection, user: int, inside: int, action: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        kinds = ("net", "mnt") if inside else ()
        for descriptor in [os.open(f"/proc/{inside}/ns/{kind}", os.O_RDONLY) for kind in kinds]:
            assert _LIBRARY.setns(descriptor, 0) == 0, os.strerror(ctypes.get_errno())
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        answer.send((True, action(*arguments)))
    except BaseException as error:  # reported by the parent, in which it is raised
        answer.send((False, f"{type(error).__name__}: {error}"))
    os._exit(0)
