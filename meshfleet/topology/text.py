"""Texts that are not names: descriptions, paths of files, formats. What no system takes is refused for all of them.

A file name ends at a NUL (https://man7.org/linux/man-pages/man7/path_resolution.7.html); neither JSON of an API server
nor UTF-8 holds half of a surrogate pair; other control characters take over the terminal that prints them.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

from meshfleet.redaction.secret_text import kind_of_secret
from meshfleet.redaction.shown import shown

LONGEST: Final = 4096
"""Characters of a text, and bytes of a path (PATH_MAX of Linux)."""
LONGEST_TEMPLATE: Final = 256 * 1024
"""Characters of a text that is a document itself, as Istio's injection templates are."""
_LINE_BREAKS: Final = frozenset("\n\t")


def checked_line(value: str) -> str:
    """The text itself. Raises ValueError in words for what no system takes, line breaks included."""
    return _checked(value, "")


def _checked_text(value: str) -> str:
    return _checked(value, _LINE_BREAKS)


def checked_path(value: str) -> str:
    """The path itself. Raises ValueError in words for one that leads nowhere on any machine."""
    if not value.strip():
        raise ValueError(f"{shown(value)} is empty; give the path of a file")
    if len(value.encode("utf-8", "replace")) >= LONGEST:
        raise ValueError(f"{shown(value)} is longer than {LONGEST - 1} bytes, the longest path there can be")
    return _checked(value, "")


def checked_long_text(value: str) -> str:
    """A text with line breaks that may be long, as a template in values is. Raises ValueError in words."""
    return _checked(value, _LINE_BREAKS, LONGEST_TEMPLATE)


def _checked(value: str, allowed: str | frozenset[str], longest: int = LONGEST) -> str:
    if len(value) <= longest and value.isprintable():
        # As nearly all are.
        return value
    if kind_of_secret(value):
        # Refused wherever it stands, by rules/plain_secrets.py.
        return value
    # Whatever has no glyph of its own: control characters, line separators, halves of surrogate pairs.
    wrong = next((sign for sign in value if not sign.isprintable() and sign not in allowed), None)
    if wrong is not None:
        raise ValueError(f"{shown(value)} contains the control character U+{ord(wrong):04X}; take it out")
    if len(value) > longest:
        raise ValueError(f"{shown(value)} has {len(value)} characters; at most {longest} are allowed")
    return value


Line = Annotated[str, AfterValidator(checked_line)]
"""A text of one line."""
Text = Annotated[str, AfterValidator(_checked_text)]
"""A text that may have line breaks and tabs."""
FilePath = Annotated[str, AfterValidator(checked_path)]
"""A path on this machine, which may begin with `~`."""
