"""How far the downloads of one tool are, as lines of progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from meshfleet.toolchain.progress import Progress

_NEXT_WORD_SECONDS: Final = 10.0


class Hearing:
    """Adds up the bytes of a tool's files, and says every ten seconds how many there are."""

    def __init__(self, tool: str, version: str, progress: Progress) -> None:
        self._tool, self._version, self._progress = tool, version, progress
        self._bytes: dict[str, int] = {}
        self._since = self._said = time.monotonic()
        self._lock = Lock()
        progress.begin(tool, version, "downloading")

    def of(self, file: str) -> Callable[[int], None]:
        """Hears how many bytes of one file are there."""

        def hear(count: int) -> None:
            with self._lock:
                self._bytes[file] = count
                now = time.monotonic()
                due = now - self._said > _NEXT_WORD_SECONDS
                self._said = now if due else self._said
            if due:
                self._progress.begin(self._tool, self._version, f"downloading, {self._megabytes} so far")

        return hear

    def summary(self) -> str:
        """All that was downloaded, and how long it took."""
        return f"{self._megabytes} in {time.monotonic() - self._since:.0f} s"

    @property
    def _megabytes(self) -> str:
        return f"{sum(self._bytes.values()) / 10**6:.0f} MB"
