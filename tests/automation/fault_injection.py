"""Errors of the system at the calls that a command makes: the k-th one fails, and the command is watched."""

from __future__ import annotations

import builtins
import errno
import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

Raise = Callable[[tuple[Any, ...]], BaseException]


def of_the_system(number: int) -> Raise:
    """An OSError that names a file where the call got one, as the system's own do."""

    def make(arguments: tuple[Any, ...]) -> BaseException:
        named = next((one for one in arguments if isinstance(one, str | bytes | os.PathLike)), None)
        text = os.strerror(number)
        return OSError(number, text) if named is None else OSError(number, text, os.fspath(named))

    return make


ERRORS: dict[str, Raise] = {
    **{
        name: of_the_system(getattr(errno, name))
        for name in ("ENOSPC", "EACCES", "EROFS", "EIO", "EMFILE", "ENOMEM", "ECONNREFUSED", "ETIMEDOUT")
    },
    "MemoryError": lambda _: MemoryError(),
    "interrupt": lambda _: KeyboardInterrupt(),
}
# Once the disk is full, or no descriptor is left, the next calls fail as well.
LASTING = {"ENOSPC", "EMFILE"}

_ROOT = f"{Path(__file__).resolve().parents[2]}{os.sep}"
_OF_FILES = (
    *("open", "stat", "lstat", "mkdir", "rmdir", "unlink", "replace", "rename", "symlink", "readlink"),
    *("listdir", "scandir", "fsync", "write", "chmod", "fchmod", "fstat"),
)
CALLS: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in _OF_FILES),
    (builtins, "open"),
    (io, "open"),
    (subprocess.Popen, "__init__"),
    (socket.socket, "connect"),
    (socket.socket, "bind"),
    (socket.socket, "listen"),
)


@dataclass
class Injection:
    """Which call fails with what; `count` is how many there were. `at` 0 lets all succeed."""

    at: int = 0
    make: Raise | None = None
    lasting: bool = False
    count: int = 0
    sites: list[str] = field(default_factory=list)

    def wrap(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        owner = threading.get_ident()

        def call(*arguments: Any, **options: Any) -> Any:
            if threading.get_ident() == owner:
                self.count += 1
                if not self.at:
                    self.sites.append(f"{name} in {_site()}")
                due = self.count == self.at or (self.lasting and self.at and self.count > self.at)
                if due and self.make:
                    raise self.make(arguments)
            return original(*arguments, **options)

        return call


def _site() -> str:
    """Where the project makes the call, directly or through a library."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.startswith(_ROOT):
        frame = frame.f_back
    if frame is None:
        return "a library"
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


@contextmanager
def injected(injection: Injection) -> Iterator[Injection]:
    """Let the calls of this thread go through `injection`."""
    with _patched(injection):
        yield injection


@contextmanager
def _patched(injection: Injection) -> Iterator[None]:
    originals = [(owner, name, getattr(owner, name)) for owner, name in CALLS]
    patches = [patch.object(owner, name, injection.wrap(name, original)) for owner, name, original in originals]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
