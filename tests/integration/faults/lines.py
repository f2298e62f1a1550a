"""The progress of a command under way, line by line."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.world import settled


@dataclass
class Lines:
    """Collects what a command started by `World.start` writes, so that its pipe never fills."""

    process: subprocess.Popen[str]
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.heard.append(line)

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self.heard)

    def wait_for(self, condition: Callable[[list[str]], bool], seconds: float = 180) -> None:
        """Wait until what was heard meets a condition or the command ends."""
        met = settled(lambda: condition(self.heard) or self.process.poll() is not None, seconds)
        assert met, f"waited {seconds:.0f} s; heard:\n{self.text}"

    def end(self, seconds: float = 300) -> int:
        """Wait for the end of the command and of its output; the exit code, negative for a signal."""
        code = self.process.wait(timeout=seconds)
        self._thread.join(timeout=60)
        if self.process.stderr is not None and not self._thread.is_alive():
            self.process.stderr.close()
        return code
