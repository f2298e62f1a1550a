"""Waiting for a condition, never for a time: every wait is bounded and says what it was for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meshfleet.errors import MeshfleetError, ProcessError

T = TypeVar("T")


class NotYetError(Exception):
    """Raised by a condition that does not hold yet; its text is what was last seen."""


def wait_until(
    condition: Callable[[], T],
    waiting_for: str,
    seconds: float,
    advice: str,
    *,
    every: float = 0.05,
    failure: type[MeshfleetError] = ProcessError,
) -> T:
    """Ask `condition` until it stops raising NotYetError, at most `seconds`, and return its answer.

    Anything else that `condition` raises ends the wait at once. Raises `failure` with what was waited for,
    what was last seen and `advice` on what to try.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

    asking = Retrying(
        retry=retry_if_exception_type(NotYetError),
        stop=stop_after_delay(seconds),
        # Quick at first, since most waits are short; slower later, so that a long wait does not eat a core.
        wait=wait_exponential(multiplier=every, exp_base=1.2, min=every, max=max(every, 0.5)),
        reraise=True,
    )
    try:
        return asking(condition)
    except NotYetError as last:
        raise failure(f"waited {seconds:.0f} s for {waiting_for}; last seen: {last}; {advice}") from None
