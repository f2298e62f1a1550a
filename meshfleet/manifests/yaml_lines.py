"""The lines of a document as `render` writes it, quickly: for texts of which little differs from one to the next.

A part that several documents share is written once, and so is a value that occurs often. The lines are those of
`yaml_text`, which writes whatever takes more than one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from meshfleet.manifests.yaml_text import Block, yaml_text

_LONGEST: Final = 100
"""Characters of a line that is never broken."""
_KEPT: Final = 65_536


class _TakesMoreError(Exception):
    """A value of several lines, or one that may be broken."""


class YamlLines:
    """Writes documents, and remembers their parts: these must not change, nor be freed, while it is used."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], list[str]] = {}

    def of(self, document: Mapping[str, Any]) -> list[str]:
        """The lines of one document, texts of several lines written line by line as they are."""
        try:
            return self._mapping(document, 0)
        except _TakesMoreError:
            return yaml_text(_readable(document)).splitlines()

    def _mapping(self, value: Mapping[str, Any], indent: int) -> list[str]:
        if (known := self._parts.get((id(value), indent))) is not None:
            return known
        found: list[str] = []
        for key, inner in value.items():
            begin = " " * indent + _key(key)
            if isinstance(inner, Mapping) and inner:
                found.append(begin)
                found += self._mapping(inner, indent + 2)
            elif isinstance(inner, list) and inner:
                found.append(begin)
                found += self._list(inner, indent)
            else:
                found.append(_line(f"{begin} ", inner))
        self._parts[id(value), indent] = found
        return found

    def _list(self, value: list[Any], indent: int) -> list[str]:
        if (known := self._parts.get((id(value), indent))) is not None:
            return known
        found: list[str] = []
        begin = " " * indent + "- "
        for inner in value:
            if isinstance(inner, Mapping) and inner:
                part = self._mapping(inner, indent + 2)
            elif isinstance(inner, list) and inner:
                part = self._list(inner, indent + 2)
            else:
                found.append(_line(begin, inner))
                continue
            found += [begin + part[0][indent + 2 :], *part[1:]]
        self._parts[id(value), indent] = found
        return found


def _line(begin: str, value: object) -> str:
    if isinstance(value, float):
        # Among kept ones 0.0 would stand for -0.0 as well.
        text = _scalar.__wrapped__(value)
    elif value is None or isinstance(value, str | int):
        text = _scalar(value)
    else:
        text = "[]" if isinstance(value, list) else "{}"
    if len(begin) + len(text) > _LONGEST:
        raise _TakesMoreError
    return begin + text


@lru_cache(maxsize=_KEPT, typed=True)
def _scalar(value: object) -> str:
    """A value as it is behind its key."""
    if isinstance(value, str) and (len(value) > _LONGEST or "\n" in value):
        raise _TakesMoreError
    return _single(yaml_text({"a": value})).removeprefix("a: ")


@lru_cache(maxsize=_KEPT)
def _key(key: str) -> str:
    if len(key) > _LONGEST:
        raise _TakesMoreError
    return _single(yaml_text({key: 0})).removesuffix(" 0")


def _single(text: str) -> str:
    line, _, more = text.partition("\n")
    if more or line.startswith("? "):
        raise _TakesMoreError
    return line


def _readable(value: Any) -> Any:
    """The value with texts of several lines written line by line."""
    if isinstance(value, Mapping):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return Block(value) if isinstance(value, str) and "\n" in value else value
