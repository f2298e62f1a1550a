"""Progress on a terminal: running tools in moving lines at the bottom, finished ones above them."""

from __future__ import annotations

import threading
import time
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from meshfleet.toolchain.wording import describe


class TerminalLines:
    """Draws one line a tool, with the seconds it has taken so far."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._running: dict[str, tuple[str, str, float]] = {}
        self._lock = threading.RLock()  # starting to draw asks for a drawing
        self._live: Live | None = None

    def begin(self, tool: str, version: str, doing: str) -> None:
        """Add the tool to the moving lines."""
        with self._lock:
            # What goes on keeps the time it began at.
            since = self._running[tool][2] if tool in self._running else time.monotonic()
            self._running[tool] = (version, doing, since)
            if self._live is None:
                self._live = Live(get_renderable=self._draw, console=self._console, transient=True)
                self._live.start()

    def end(self, tool: str, version: str, outcome: str) -> None:
        """Move the tool's line to the finished ones."""
        with self._lock:
            self._running.pop(tool, None)
        self.note(describe(tool, version, outcome))

    def note(self, text: str) -> None:
        """Print one line above the moving ones."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Take the moving lines away and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> RenderableType:
        now = time.monotonic()
        with self._lock:
            running = list(self._running.items())
        lines = [describe(tool, version, f"{doing} {now - since:.0f} s") for tool, (version, doing, since) in running]
        return Text("\n".join(lines))
