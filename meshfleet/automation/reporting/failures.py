"""What an exception means for a person: sentences with the way out, and an exit code. Pure.

An exception that is not listed here is a fault of meshfleet itself (`meshfleet/cli/command_group.py`).
"""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from meshfleet.errors import MeshfleetError
from meshfleet.files import advice_for, file_error
from meshfleet.redaction.shown import one_line
from meshfleet.topology import Fault, TopologyError
from meshfleet.workspace.project_folder import REINSTALL

DONE: Final = 0
FAILED: Final = 1
WRONG_CONFIGURATION: Final = 2
DRIFTED: Final = 3
INTERRUPTED: Final = 130

# The base of typer's complaints about a command line, which typer does not export.
USAGE_ERROR: Final[Any] = typer.BadParameter.__base__
COMMAND_LINE: Final = "command line"


@dataclass(frozen=True)
class Failure:
    """Why a command ended: `faults` of what it was given (exit code 2), else `errors`, one sentence each."""

    code: int
    errors: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    def lines(self) -> list[str]:
        """What standard error gets."""
        return [*(str(fault) for fault in self.faults), *(f"error: {text}" for text in self.errors)]

    def as_json(self) -> dict[str, Any]:
        """What standard output gets with `--json`."""
        if self.faults:
            return {"ok": False, "faults": [{"path": one.path, "message": one.message} for one in self.faults]}
        return {"ok": False, "errors": list(self.errors)}


def failure_of(error: BaseException) -> Failure | None:
    """The failure that an exception stands for; None for a fault of meshfleet itself."""
    match error:
        case TopologyError():
            return Failure(WRONG_CONFIGURATION, faults=error.faults)
        case MeshfleetError():
            return Failure(FAILED, (str(error),))
        case SystemExit() if isinstance(error.__context__, OSError):
            # rich ends the process when its output is gone.
            return failure_of(error.__context__)
        case KeyboardInterrupt():
            return Failure(INTERRUPTED, ("interrupted; completed changes are kept, run the same command again",))
        case typer.Abort():
            return Failure(FAILED, ("not confirmed, so nothing was removed; confirm with y, or add --yes",))
        case _ if isinstance(error, USAGE_ERROR):
            return Failure(WRONG_CONFIGURATION, faults=_usage_faults(error))
        case _ if sentence := _of_the_system(error):
            return Failure(FAILED, (sentence,))
        case _:
            return None


def _usage_faults(error: Any) -> tuple[Fault, ...]:
    command = error.ctx.command_path if error.ctx else "meshfleet"
    message = error.format_message().rstrip(".")
    # Of a command without arguments the help has been printed already.
    return (Fault(COMMAND_LINE, f"{message}; see {command} --help"),) if message else ()


def _of_the_system(error: BaseException) -> str | None:
    """The sentence for an error that the system can give at any call."""
    match error:
        case BrokenPipeError():
            return "what reads the output of this command has ended; run it again without, or into a file"
        case OSError():
            return _os_sentence(error)
        case MemoryError():
            return f"out of memory; {advice_for(errno.ENOMEM)}"
        case ImportError():
            # Also of a package whose files cannot be listed.
            return f"{error.name} cannot be loaded from this Python environment; {REINSTALL}"
        case UnicodeError():
            return (
                "a path or a name is not text in the encoding of this shell; use names in ASCII, or set LC_ALL=C.UTF-8"
            )
        case _ if type(error).__module__.partition(".")[0] == "psutil":
            seen = one_line(str(error))
            return f"the processes of this machine cannot be read ({seen}); run the same command again"
        case subprocess.TimeoutExpired():
            return f"{_program(error.cmd)} did not end within {error.timeout:.0f} s; run the same command again"
        case subprocess.CalledProcessError():
            return f"{_program(error.cmd)} failed with exit code {error.returncode}; run the same command again"
        case _:
            return None


def _os_sentence(error: OSError) -> str:
    if error.filename is not None:
        return str(file_error(Path(os.fsdecode(error.filename)), error))
    if isinstance(error, FileNotFoundError):
        return "the current directory is gone; change to another one and run the same command again"
    return f"{error.strerror or one_line(str(error)) or type(error).__name__}; {advice_for(error.errno)}"


def _program(command: Any) -> str:
    words = command if isinstance(command, list | tuple) else [command]
    return Path(os.fsdecode(words[0])).name if words else "a program"
