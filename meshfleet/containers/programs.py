"""Programs of the system that are run to their end here, and what is said when one fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from meshfleet.errors import ContainersError, ProcessError
from meshfleet.processes.bounded_run import Ended, run_bounded

_LINES = 15
ALONE: Final = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)
"""Before a command: its mounts are seen by it alone, and it ends with all that it started when this process is killed.

Sources: https://manpages.debian.org/bookworm/util-linux/unshare.1 and setpriv.1
"""


def run_program(
    command: Sequence[str],
    *,
    seconds: float,
    advice: str = "check these lines, and run the command again",
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdin: str = "",
) -> Ended:
    """Run a program to its end, successfully. Raises ContainersError with the end of its output and `advice`."""
    name = Path(command[0]).name
    try:
        ended = run_bounded(command, seconds=seconds, environment=environment, directory=directory, stdin=stdin)
    except ProcessError as error:
        raise ContainersError(str(error)) from error
    if ended.code != 0:
        lines = (ended.err.strip() or ended.out.strip() or "no output").splitlines()[-_LINES:]
        shown = "\n".join(f"  {line[:300]}" for line in lines)
        raise ContainersError(f"{name} {_what(command)}failed with exit code {ended.code}; {advice}:\n{shown}")
    return ended


def _what(command: Sequence[str]) -> str:
    """The first word that names what the program was to do."""
    word = next((one for one in command[1:] if not one.startswith("-")), "")
    return f"{word} " if word and "/" not in word else ""
