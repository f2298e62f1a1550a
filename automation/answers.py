"""What the command says and how it exits: people read standard error and tables, programs read JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import typer


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


def answer(value: Any) -> None:
    """The JSON of a command: the only thing it writes to standard output."""
    print(json.dumps(value, indent=2))


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)
