"""What the command says and how it exits: people read standard error and tables, programs read JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import typer

_COMPLETE: ContextVar[Callable[[str], str]] = ContextVar("complete", default=str)


def say(text: str) -> None:
    """A line for people."""
    print(completed(text), file=sys.stderr, flush=True)


def answer(value: Any) -> None:
    """The JSON of a command: the only thing it writes to standard output."""
    print(json.dumps(_completed_within(value), indent=2))


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


def completed(text: str) -> str:
    """The text with the commands in it as they can be typed, while `completing` is in effect."""
    return _COMPLETE.get()(text)


@contextmanager
def completing(complete: Callable[[str], str]) -> Iterator[None]:
    """Let all that is reported go through `complete`."""
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
