"""What the command says and how it exits: people read standard error and tables, programs read JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer

from topology import TopologyError
from topology.errors import MeshfleetError
from topology.files import file_error

FAILED = 1
WRONG_CONFIGURATION = 2
DRIFTED = 3


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


def answer(value: Any) -> None:
    """The JSON of a command: the only thing it writes to standard output."""
    print(json.dumps(value, indent=2))


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


@contextmanager
def told(as_json: bool) -> Iterator[None]:
    """Turn the project's errors into sentences and exit codes: 2 for a wrong stack file, 1 for anything else."""
    try:
        yield
    except TopologyError as error:
        for fault in error.faults:
            say(str(fault))
        if as_json:
            answer(
                {
                    "ok": False,
                    "faults": [{"path": fault.path, "message": fault.message} for fault in error.faults],
                }
            )
        leave(WRONG_CONFIGURATION)
    except MeshfleetError as error:
        _failed(str(error), as_json)
    except OSError as error:
        # A full disk, a folder that cannot be written; anything without a file is a fault of ours.
        if error.filename is None:
            raise
        _failed(str(file_error(Path(str(error.filename)), error)), as_json)


def _failed(message: str, as_json: bool) -> NoReturn:
    say(f"error: {message}")
    if as_json:
        answer({"ok": False, "errors": [message]})
    leave(FAILED)
