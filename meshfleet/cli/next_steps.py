"""The commands to run next, derived from the output of a command. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# Texts of checks, resources and plugins for a server that is down: a refresh would query it and fail.
_DOWN: Final = re.compile(
    r"does not respond|unreachable|did not (?:end|exit) within|is not running|cannot be read|refused"
    r"|\([^)]*\bstate\b[^)]*\)"
)


def after_drift(stack: str, changes: Sequence[str], unread: Sequence[str]) -> list[str]:
    """The commands to run after drift was detected, in order; empty without drift."""
    if _is_down([*changes, *unread]):
        return [
            f"meshfleet up --stack {stack} starts stopped processes",
            f"meshfleet drift --stack {stack} then shows the remaining differences",
        ]
    return [f"meshfleet up --refresh --stack {stack} restores what the stack declares"] if changes else []


def after_verify(stack: str, failed: Sequence[str]) -> list[str]:
    """The commands to run after failed checks, derived from their details."""
    if not failed:
        return []
    starts = [f"meshfleet up --stack {stack} starts stopped processes"] if _is_down(failed) else []
    return [
        *starts,
        f"meshfleet drift --stack {stack} shows differences from the stack, such as deleted objects",
        f"meshfleet up --refresh --stack {stack} restores what the stack declares",
    ]


def _is_down(texts: Sequence[str]) -> bool:
    return any(_DOWN.search(text) for text in texts)
