"""How the building of tools is told: one line a tool."""

from __future__ import annotations

import sys
import threading
from typing import Protocol, TextIO

from meshfleet.toolchain.wording import describe


class Progress(Protocol):
    """Hears what happens to each tool; called from several threads at once."""

    def begin(self, tool: str, version: str, doing: str) -> None:
        """Something that takes a while starts, such as `building`."""

    def end(self, tool: str, version: str, outcome: str) -> None:
        """It is over; `outcome` says how, such as `built in 42 s`."""

    def note(self, text: str) -> None:
        """One line that belongs to no tool, or says why one is built again."""

    def close(self) -> None:
        """Nothing more is said."""


class Silence:
    """Says nothing."""

    def begin(self, tool: str, version: str, doing: str) -> None:
        """Nothing."""

    def end(self, tool: str, version: str, outcome: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines:
    """Plain lines, for logs and pipes: one when a tool starts and one when it is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def begin(self, tool: str, version: str, doing: str) -> None:
        """Write the line at once, so that a log shows what is waited for."""
        self.note(describe(tool, version, doing))

    def end(self, tool: str, version: str, outcome: str) -> None:
        """Write how it went."""
        self.note(describe(tool, version, outcome))

    def note(self, text: str) -> None:
        """Write one line and flush it."""
        with self._lock:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left to write."""


def progress_for(stream: TextIO | None = None) -> Progress:
    """Moving lines on a terminal, plain ones elsewhere; `stream` is standard error unless told."""
    target = stream or sys.stderr
    if not target.isatty():
        return Lines(target)
    # rich is slow to import and only needed here.
    from meshfleet.toolchain.terminal import TerminalLines

    return TerminalLines(target)
