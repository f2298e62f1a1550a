"""Output and exit codes of commands: text for people goes to standard error, JSON for programs to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import typer

_COMPLETE: ContextVar[Callable[[str], str]] = ContextVar("complete", default=str)


def print_line(text: str) -> None:
    """Print a line on standard error."""
    print(completed(text), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print the result of a command as JSON, its only output on standard output."""
    print(json.dumps(_completed_within(value), indent=2))


def exit_with(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


def completed(text: str) -> str:
    """Complete the command lines in a text so that they can be run, while `completing` is active."""
    return _COMPLETE.get()(text)


@contextmanager
def completing(complete: Callable[[str], str]) -> Iterator[None]:
    """Pass all output through `complete`."""
    token = _COMPLETE.set(complete)
    try:
        yield
    finally:
        _COMPLETE.reset(token)


def _completed_within(value: Any) -> Any:
    if isinstance(value, str):
        return completed(value)
    if isinstance(value, dict):
        return {key: _completed_within(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_completed_within(inner) for inner in value]
    return value
