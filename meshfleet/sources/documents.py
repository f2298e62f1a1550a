"""The objects of a YAML text: its documents, lists unpacked, with the line that each begins in. Pure.

Source: https://yaml.org/spec/1.2.2/#91-documents
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meshfleet.errors import DocumentError
from meshfleet.files.bounded_yaml import LIMIT, compose_yaml, construct_yaml
from meshfleet.files.plain_yaml import plain_yaml
from meshfleet.redaction.shown import shown

MOST_DOCUMENTS: Final = 5000
# YAML 1.2 has no others; Python's own would split texts at form feeds and Unicode's separators.
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_BEGINS: Final = re.compile(r"---([ \t]|$)")
_SOURCE: Final = re.compile(r"# Source: (?P<place>[!-~]+)")
# What Kubernetes' own tools, by YAML 1.1, take for something else than YAML 1.2 does.
# https://yaml.org/type/bool.html and `resolve` of sigs.k8s.io/yaml/goyaml.v2
_TRUTH: Final = re.compile(r"[yY]|[nN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_NUMBER: Final = re.compile(r"[-+]?(0[0-9_]+|0[bB][01_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?)")


@dataclass(frozen=True)
class Document:
    """An object of a text, the line it begins in, and the template of the chart it comes from, where it says so."""

    line: int
    body: dict[str, Any]
    template: str = ""


def documents(text: str, *, what: str) -> tuple[list[Document], list[str]]:
    """The objects of a text in order, and what is wrong with it, each message beginning with `what`."""
    found: list[Document] = []
    wrong: list[str] = []
    for number, (line, part) in enumerate(_parts(text)):
        if number >= MOST_DOCUMENTS:
            wrong.append(f"{what}: has more than {MOST_DOCUMENTS} documents; split the file")
            break
        template = source["place"] if (source := _SOURCE.search(part)) else ""
        place = template or what
        before = 0 if template else line
        if one := _plain(part, before, template):
            found.append(one)
            continue
        try:
            # Lines in messages are those of the file.
            node = compose_yaml(part, what=place, before=before)
            if node is None or (isinstance(node, ScalarNode) and node.value == "" and node.style is None):
                continue
            value = construct_yaml(node, what=place, before=before)
        except DocumentError as error:
            wrong.append(str(error))
            continue
        # What a Secret holds is refused by itself, and never repeated.
        if not (isinstance(value, Mapping) and value.get("kind") == "Secret"):
            wrong += (f"{place}: {fault}" for fault in _read_differently(node, before))
        for at, body in _objects(node, value, before):
            if isinstance(body, Mapping):
                found.append(Document(at, dict(body), template))
            else:
                # Any file may be named, one with a password as well.
                wrong.append(f"{place}:{at}: is no object but {_called(body)}; write apiVersion, kind and metadata")
    return found, wrong


def _plain(part: str, before: int, template: str) -> Document | None:
    """The object of a document that is plain, as nearly all are; None for one that takes more than a look."""
    plain = plain_yaml(part) if len(part) <= LIMIT else None
    if plain is None or not isinstance(plain.value, dict) or any(map(_is_read_differently, plain.unquoted)):
        return None
    if isinstance(plain.value.get("items"), list):
        return None
    return Document(before + plain.line + 1, plain.value, template)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Each document with the number of lines before it. A line with `---` begins one, wherever it is."""
    lines: list[str] = []
    first = 0
    for number, line in enumerate(_BREAK.split(text.removeprefix("\ufeff"))):
        if _BEGINS.match(line):
            yield first, "\n".join(lines)
            # What is behind the dashes is part of the document; a comment may be.
            lines, first = [line[3:]], number
        elif line.rstrip() == "...":
            lines.append("")
        else:
            lines.append(line)
    yield first, "\n".join(lines) + "\n"


def _objects(node: Node, value: object, before: int) -> Iterator[tuple[int, object]]:
    if isinstance(value, Mapping) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        items = next(inner for key, inner in _entries(node) if key == "items")
        for part, item in zip(items.value, value["items"], strict=True):
            yield from _objects(part, item, before)
    else:
        yield before + node.start_mark.line + 1, value


def _called(value: object) -> str:
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "nothing" if value is None else "a number, a date or a boolean"


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, MappingNode):
        yield from ((key.value, inner) for key, inner in node.value if isinstance(key, ScalarNode))


def _read_differently(root: Node, before: int) -> Iterator[str]:
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        parts: list[Node] = []
        if isinstance(node, MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            parts = list(node.value)
        elif isinstance(node, ScalarNode) and node.style is None and _is_read_differently(node.value):
            line = before + node.start_mark.line + 1
            yield (
                f"{shown(node.value)} in line {line} is not the same value to every reader of "
                "YAML (kubectl takes it for a boolean or another number); put it in quotes, or write true, false or 8"
            )
        waiting += [part for part in reversed(parts) if id(part) not in seen]
        seen.update(map(id, parts))


def _is_read_differently(unquoted: str) -> bool:
    return bool(_TRUTH.fullmatch(unquoted) or _NUMBER.fullmatch(unquoted))
