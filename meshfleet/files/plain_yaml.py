"""The value of a plain YAML text, read by libyaml: what manifests mostly are.

libyaml reads some ten times as fast as ruamel.yaml, and YAML 1.1. So only texts are read here that both take for the
same value: of printable ASCII, without tags, anchors, merge keys, escapes, and flow collections but the simplest.
Values without quotes are resolved by ruamel.yaml itself, once for each. All else, and all that is wrong, is left to
`bounded_yaml`, which has the messages.

Source: https://yaml.org/spec/1.2.2/ext/changes/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters
from typing import Final

import yaml
from yaml._yaml import CParser

from meshfleet.errors import DocumentError
from meshfleet.files.bounded_yaml import LIMIT, load_yaml

_DEPTH: Final = 50
_PRINTABLE: Final = re.compile(r"[\n -~]*")
# A tag, an anchor, an alias, an explicit key, a directive, a merge key, or a list of lists of lists in one line.
_SPECIAL: Final = re.compile(r"(?:^|[\s\[{,:?-])[&*!?]|^%|<<|(?:- +){3}", re.MULTILINE)
_MARKS: Final = ("&", "*", "!", "?", "%", "<<", "- -", "-  ")
# The reader takes a frame of the stack for each level: so deep no list in brackets within others may be.
_OPENED: Final = re.compile(r"(?:^|[\s\[{,:-])[\[{]", re.MULTILINE)
_MOST_OPENED: Final = 400
_SIMPLE: Final = re.compile(r"[A-Za-z0-9_./-]+")
# By its first letter a value without quotes is a text, to every reader.
_TEXT: Final = frozenset(ascii_letters) - frozenset("tTfFnNyYoO")
_LONGEST_KEY: Final = 128
_KEPT: Final = 16_384


@dataclass(frozen=True)
class Plain:
    """A value, the line that it begins in (from 0), and what is in it without quotes and is not surely a text."""

    value: object
    line: int
    unquoted: frozenset[str]


class _OtherReaderError(Exception):
    """The text is none that both readers take for the same."""


class _Composer(CParser):
    """Nodes without tags; what a value is follows from its style and its text."""

    def resolve(self, kind: object, value: object, implicit: object) -> None:
        """Called for each node."""

    def descend_resolver(self, parent: object, index: object) -> None:
        """Called for each node."""

    def ascend_resolver(self) -> None:
        """Called for each node."""


def plain_yaml(text: str) -> Plain | None:
    """The value of a text of one document; None for one that is not plain, is empty, or is wrong."""
    if len(text) > LIMIT or not _PRINTABLE.fullmatch(text):
        return None
    # Most texts have nothing of it anywhere, which is seen sooner.
    if any(map(text.__contains__, _MARKS)) and _SPECIAL.search(text):
        return None
    if text.count("[") + text.count("{") > _MOST_OPENED and len(_OPENED.findall(text)) > _MOST_OPENED:
        return None
    unquoted: set[str] = set()
    try:
        node = _Composer(text).get_single_node()
        if not isinstance(node, yaml.MappingNode):
            return None
        value = _value(node, unquoted, "\\" in text, 0)
    except (yaml.YAMLError, _OtherReaderError):
        return None
    return Plain(value, node.start_mark.line, frozenset(unquoted))


def _value(node: object, unquoted: set[str], escapes: bool, depth: int) -> object:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, unquoted, escapes)
    if depth > _DEPTH:
        raise _OtherReaderError
    if isinstance(node, yaml.MappingNode):
        if node.flow_style and node.value:
            raise _OtherReaderError
        made: dict[str, object] = {}
        for key, inner in node.value:
            name = _scalar(key, unquoted, escapes) if isinstance(key, yaml.ScalarNode) else None
            if not isinstance(name, str) or name in made or len(name) > _LONGEST_KEY or name == "=":
                raise _OtherReaderError
            made[name] = _value(inner, unquoted, escapes, depth + 1)
        return made
    assert isinstance(node, yaml.SequenceNode)
    if node.flow_style and not all(map(_is_simple, node.value)):
        raise _OtherReaderError
    return [_value(inner, unquoted, escapes, depth + 1) for inner in node.value]


def _is_simple(node: object) -> bool:
    """Whether a value of a list in brackets is one of which no reader takes a part for something else."""
    return isinstance(node, yaml.ScalarNode) and bool(node.style or _SIMPLE.fullmatch(node.value))


def _scalar(node: yaml.ScalarNode, unquoted: set[str], escapes: bool) -> object:
    value: str = node.value
    if node.style:
        if node.style == ">" or (escapes and node.style == '"'):
            raise _OtherReaderError
        return value
    if node.start_mark.line != node.end_mark.line:
        raise _OtherReaderError
    if value[:1] in _TEXT:
        return value
    unquoted.add(value)
    return _resolved(value)


@lru_cache(maxsize=_KEPT)
def _resolved(value: str) -> str | float | bool | None:
    try:
        # Behind a key, since `---` by itself is something else.
        read = load_yaml(f"a: {value}", what="")
    except DocumentError:
        raise _OtherReaderError from None
    found = read.get("a", ...) if isinstance(read, dict) else ...
    if found is None or isinstance(found, str | int | float):
        return found
    raise _OtherReaderError
