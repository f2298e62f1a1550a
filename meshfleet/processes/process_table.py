"""The processes of this machine as far as they tell whose they are: one look at the process table. Reads only.

On Linux straight from /proc, because it is asked many times a second while something starts.
Source: https://man7.org/linux/man-pages/man5/proc.5.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IDENTITY: Final = "MESHFLEET_FLEET"
"""The variable with the identity of the fleet a process belongs to; children inherit it."""
PLACE: Final = "MESHFLEET_PLACE"
"""The variable with the directory a process belongs to, relative to that of the fleet."""
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Row:
    """A living process: the program it was started as, and of its environment what we put there (else empty)."""

    pid: int
    program: str
    identity: str
    place: str

    @property
    def name(self) -> str:
        """The name of its program."""
        return self.program.rsplit("/", 1)[-1]

    def directory(self) -> str:
        """The directory it works in, where that is now, or empty; `… (deleted)` when it was removed."""
        try:
            return os.readlink(f"/proc/{self.pid}/cwd")
        except OSError:
            return ""


def rows() -> Iterator[Row]:
    """Every process whose command line can be read and is not empty."""
    yield from _rows_of_proc() if _PROC.joinpath("self/environ").exists() else _rows_of_psutil()


def _rows_of_proc() -> Iterator[Row]:
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        program = _content(f"/proc/{entry}/cmdline").split(b"\0", 1)[0]
        if not program:
            # A kernel thread, a zombie, or one that has ended meanwhile.
            continue
        found = {IDENTITY: "", PLACE: ""}
        environment = b"\0" + _content(f"/proc/{entry}/environ")
        if IDENTITY.encode() in environment:
            for name in found:
                _, mark, rest = environment.partition(f"\0{name}=".encode())
                found[name] = os.fsdecode(rest.split(b"\0", 1)[0]) if mark else ""
        yield Row(int(entry), os.fsdecode(program), found[IDENTITY], found[PLACE])


def _content(path: str) -> bytes:
    try:
        # Files of /proc have no size; what is of interest is at their beginning, a command line first of all.
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def _rows_of_psutil() -> Iterator[Row]:
    import psutil

    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            variables = process.environ()
        except psutil.Error:
            continue
        if line:
            yield Row(process.pid, line[0], variables.get(IDENTITY, ""), variables.get(PLACE, ""))
