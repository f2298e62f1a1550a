"""Conditions with a time limit, in place of fixed pauses."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_not_result, stop_after_delay, wait_exponential

_FIRST, _LONGEST = 0.02, 0.2
"""Seconds between two attempts: short at first, since most waits are, longer later."""


def settled(condition: Callable[[], object], seconds: float) -> bool:
    """Whether a condition becomes true within `seconds`. What it raises ends the wait."""
    attempts = Retrying(
        retry=retry_if_not_result(bool),
        wait=wait_exponential(multiplier=_FIRST, exp_base=1.3, min=_FIRST, max=_LONGEST),
        stop=stop_after_delay(seconds),
    )
    try:
        return bool(attempts(condition))
    except RetryError:
        return False
