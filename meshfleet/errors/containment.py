"""One bad thing never stops another: the one way to do the same to many objects, pods, members or machines.

    failures = each(pods, start)

`do` runs for every item. One for which it fails is left out, the others are done, and what is returned says which and
why, for an event, a check of `verify` or a log. So nothing is silently lost, and no loop ends early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from meshfleet.errors import EmbeddedError, MeshfleetError
from meshfleet.redaction.shown import one_line

_T = TypeVar("_T")
_Errors = tuple[type[Exception], ...]

REFUSED: Final[_Errors] = (MeshfleetError, OSError)
"""What the world raises: a refusal, an unreachable cluster, a full disk."""
MALFORMED: Final[_Errors] = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What an object of another writer raises when a field is missing, of another type, or out of range."""
_LONGEST: Final = 300


@dataclass(frozen=True)
class Failure(Generic[_T]):
    """An item that was left out, and the error."""

    item: _T
    error: Exception

    @property
    def reason(self) -> str:
        """Why, in one line: the project's errors are sentences, of others the kind says more than the text."""
        text = str(self.error)
        if not isinstance(self.error, MeshfleetError):
            text = f"{type(self.error).__name__}: {text}"
        return one_line(" ".join(text.split()))[:_LONGEST]


def each(items: Iterable[_T], do: Callable[[_T], object], errors: _Errors = REFUSED) -> tuple[Failure[_T], ...]:
    """Do it to every item, and return those for which it failed with one of `errors`."""
    failures = []
    for item in items:
        try:
            do(item)
        except errors as error:
            failures.append(Failure(item, error))
    return tuple(failures)


def require_none(failures: Sequence[Failure[Any]]) -> None:
    """Raise one error that names every failure: a single one's own, of several EmbeddedError."""
    if not failures:
        return
    if len(failures) == 1:
        raise failures[0].error
    raise EmbeddedError("; ".join(dict.fromkeys(failure.reason for failure in failures)))
