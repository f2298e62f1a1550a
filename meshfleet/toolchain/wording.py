"""How a tool and its version are told to people, on a terminal and elsewhere."""

from __future__ import annotations


def describe(tool: str, version: str, state: str) -> str:
    """The line of one tool: `kubernetes v1.35.4  building`."""
    return f"{f'{tool} {shorten(version)}':<34}  {state}"


def shorten(version: str) -> str:
    """A version as people say it: the commit alone where Go has only a time and a commit."""
    parts = version.rsplit("-", 2)
    return parts[2] if len(parts) == 3 and len(parts[2]) == 12 else version
