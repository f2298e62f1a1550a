"""Commands that were run or are running: exit code, output, and the JSON report that `--json` prints."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from meshfleet.files.json_text import parse_json
from meshfleet.testing.conditions import settled

_SHOWN = 6000
"""Characters of the output of a command that ended with an unexpected exit code, from its end."""


@dataclass(frozen=True)
class CommandResult:
    """A command that has ended: `code` is its exit code, `out` and `err` are its standard output and error."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON document on standard output; nothing else is printed there. Raises ValueError for other text."""
        found: dict[str, Any] = parse_json(self.out)
        return found

    @property
    def text(self) -> str:
        """The arguments, the exit code and all output."""
        return f"{' '.join(self.arguments)}\nexit {self.code}\n{self.out}{self.err}"

    def require(self, code: int | None) -> CommandResult:
        """Fail unless it ended with this exit code; None accepts any."""
        assert code is None or self.code == code, f"expected exit {code}:\n{self.text[-_SHOWN:]}"
        return self


@dataclass
class RunningCommand:
    """A command started by `Sandbox.start`: `lines` collects its progress, so that its pipe never fills."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def text(self) -> str:
        """All lines so far."""
        return "".join(self.lines)

    def wait_for(self, condition: Callable[[list[str]], bool], seconds: float = 180) -> None:
        """Wait until the lines meet a condition or the command has ended; fails after `seconds`."""
        met = settled(lambda: condition(self.lines) or self.process.poll() is not None, seconds)
        assert met, f"waited {seconds:.0f} s; printed:\n{self.text}"

    def end(self, seconds: float = 300) -> int:
        """Wait for the end of the command and of its output; the exit code, negative for a signal.

        Raises subprocess.TimeoutExpired.
        """
        code = self.process.wait(timeout=seconds)
        self._thread.join(timeout=60)
        if self.process.stderr is not None and not self._thread.is_alive():
            self.process.stderr.close()
        return code
