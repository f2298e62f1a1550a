"""What to run next, by what a command has seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# How a check, a resource or a plugin says that something does not answer or run: a refresh would ask it, and fail.
_SILENT: Final = re.compile(
    r"does not answer|unreachable|did not (?:end|exit) within|is not running|cannot be read|refused"
    r"|\([^)]*\bstate\b[^)]*\)"
)


def after_drift(stack: str, changes: Sequence[str], unread: Sequence[str]) -> list[str]:
    """The steps after differences were found, in order; none when there are none."""
    if _is_silent([*changes, *unread]):
        return [
            f"meshfleet up --stack {stack} starts what does not run",
            f"meshfleet drift --stack {stack} shows what still differs then",
        ]
    return [f"meshfleet up --refresh --stack {stack} makes it so again"] if changes else []


def after_verify(stack: str, failed: Sequence[str]) -> list[str]:
    """The steps after checks did not hold, by their details."""
    if not failed:
        return []
    starts = [f"meshfleet up --stack {stack} starts what does not run"] if _is_silent(failed) else []
    return [
        *starts,
        f"meshfleet drift --stack {stack} shows what differs from the stack, such as an object that was deleted",
        f"meshfleet up --refresh --stack {stack} makes it so again",
    ]


def _is_silent(texts: Sequence[str]) -> bool:
    return any(_SILENT.search(text) for text in texts)
