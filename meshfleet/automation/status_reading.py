"""What is recorded of a running fleet may be of another version: every reader of it answers with one sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from meshfleet.topology.containment import MALFORMED
from meshfleet.topology.errors import EngineError
from meshfleet.topology.shown import one_line

P = ParamSpec("P")
T = TypeVar("T")


def reads_status(reader: Callable[P, T]) -> Callable[P, T]:
    """Make a function that reads a status raise EngineError where that has another shape than it expects."""

    @wraps(reader)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return reader(*args, **kwargs)
        except MALFORMED as error:
            raise EngineError(
                "what the stack records of the running fleet is of another version of meshfleet "
                f"({type(error).__name__}: {one_line(str(error))[:100]}); run meshfleet up with this version, which "
                "records it again, or use the version that wrote it"
            ) from error

    return read
