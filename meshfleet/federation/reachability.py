"""Since when a cluster responds, or does not, from single looks at it. Pure.

A look says something about its own moment alone. Looks that follow each other closely and say the same make a streak;
one that says something else begins another, and so do a clock that went back and a gap without a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

GAP_SECONDS: Final = 900.0
"""Looks further apart than this say nothing of the time between them."""


@dataclass(frozen=True)
class Reachability:
    """Whether a cluster responds, since when every look said so, and when the last one was (seconds of the clock)."""

    answers: bool
    since: float
    seen: float

    def seconds(self, now: float) -> float:
        """How long it has been so."""
        return max(0.0, now - self.since)


def looked(before: Reachability | None, now: float, *, answers: bool) -> Reachability:
    """What is known of a cluster after one more look at it."""
    if before is None or before.answers != answers or not 0 <= now - before.seen <= GAP_SECONDS:
        return Reachability(answers, now, now)
    return replace(before, seen=now)


def after_looks(before: Mapping[str, Reachability], now: float, answers: Mapping[str, bool]) -> dict[str, Reachability]:
    """The same of all clusters that were looked at; others are forgotten."""
    return {name: looked(before.get(name), now, answers=found) for name, found in answers.items()}
