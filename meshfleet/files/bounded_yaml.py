"""The one way to read YAML from outside: a stack file, a kubeconfig, a record.

A short text can stand for gigabytes: aliases and merge keys repeat what they name, and each may name others that do
(https://en.wikipedia.org/wiki/Billion_laughs_attack). So the text is composed first, what it expands to is measured on
the graph of its nodes, and only then are values made of it. A key that is given twice is an error, since readers
differ in which of the two they take. Messages say where, and never repeat a value, which may be a secret.

Source: https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node
from ruamel.yaml.reader import ReaderError

from meshfleet.errors import DocumentError

LIMIT: Final = 1024 * 1024
"""Characters that a text may have; reading them takes some seconds."""

EXPANDED: Final = 16 * LIMIT
"""What a text may expand to, in characters and `_NODE` for each value; one without aliases never comes near."""

DEPTH: Final = 100
"""How deeply values may be nested, aliases followed."""

_NODE: Final = 8

# What a parser may quote in its message: its own tokens and single characters. Anything else comes from the text.
_HARMLESS: Final = re.compile(r"(?P<quote>['\"])(<[\w ]+>|\\?.|\\x\w\w)(?P=quote)")


def load_yaml(text: str, *, what: str) -> object:
    """The value of the one document in `text`; None when it is empty.

    `what` begins the message of the DocumentError that is raised for a text that is no YAML, holds several documents,
    is too long, expands to too much, contains itself, is nested too deeply, or gives a key twice.
    """
    return construct_yaml(compose_yaml(text, what=what), what=what)


def compose_yaml(text: str, *, what: str, before: int = 0) -> Node | None:
    """The measured nodes of the one document in `text`, for a caller that needs places or its own rules of names.

    Raises DocumentError as `load_yaml` does, except for duplicate keys. `before` are the lines before `text` in what it
    is part of, for messages; marks of nodes do not have them.
    """
    if len(text) > LIMIT:
        raise DocumentError(f"{what}: longer than {LIMIT} characters, which nothing of its kind is")
    try:
        yaml = YAML(typ="safe", pure=True)
        # An anchor may be given again (https://yaml.org/spec/1.2.2/#3222-anchors-and-aliases); the last one counts.
        yaml.composer.warn_double_anchors = False
        node: Node | None = yaml.compose(text)
        if node is not None:
            _measure(node, what)
    except YAMLError as error:
        raise DocumentError(f"{what}: is not YAML: {_reason(error, before)}") from None
    except RecursionError:
        raise _too_deep(what) from None
    except (ValueError, LookupError, AttributeError, AssertionError) as error:
        # The parser is not total: some texts make it stumble over its own state.
        raise DocumentError(f"{what}: is not YAML ({type(error).__name__})") from None
    return node


def construct_yaml(node: Node | None, *, what: str, before: int = 0) -> object:
    """The value of composed nodes. Raises DocumentError for a duplicate key or a value that its tag does not allow.

    `before` as in `compose_yaml`.
    """
    if node is None:
        return None
    try:
        value: object = YAML(typ="safe", pure=True).constructor.construct_document(node)
    except YAMLError as error:
        raise DocumentError(f"{what}: is not YAML: {_reason(error, before)}") from None
    except RecursionError:
        raise _too_deep(what) from None
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError, OverflowError) as error:
        # `!!int ""`, `!!bool x`, 2026-13-40: the constructors trust the form of what they are given.
        raise DocumentError(f"{what}: contains an invalid value ({type(error).__name__})") from None
    return value


def _measure(root: Node, what: str) -> None:
    """Raises DocumentError when what `root` stands for is too large or too deep, or contains itself."""
    # Of each collection that was measured: what it expands to, and how deep it is. None while it is being measured.
    known: dict[int, tuple[int, int] | None] = {}

    def measure(node: Node) -> tuple[int, int]:
        if not isinstance(node, CollectionNode):
            return _NODE + len(node.value), 1
        if id(node) in known:
            found = known[id(node)]
            if found is None:
                raise DocumentError(f"{what}: contains an alias of a value that contains the alias")
            return found
        known[id(node)] = None
        size, depth = _NODE, 0
        for part in _parts(node):
            inner_size, inner_depth = measure(part)
            size, depth = size + inner_size, max(depth, inner_depth)
        if size > EXPANDED:
            raise DocumentError(f"{what}: its aliases expand to more than {EXPANDED} characters; write values out")
        if depth >= DEPTH:
            raise _too_deep(what)
        known[id(node)] = size, depth + 1
        return size, depth + 1

    measure(root)


def _parts(node: CollectionNode) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value)


def _too_deep(what: str) -> DocumentError:
    return DocumentError(f"{what}: is nested more than {DEPTH} levels deep")


def _reason(error: YAMLError, before: int) -> str:
    if isinstance(error, ReaderError):
        return f"a character that YAML does not allow at position {error.position}"
    if not isinstance(error, MarkedYAMLError):
        return type(error).__name__
    mark = error.problem_mark or error.context_mark
    place = f" in line {before + mark.line + 1}, column {mark.column + 1}" if mark else ""
    if isinstance(error, DuplicateKeyError):
        return f"a key is set twice{place}"
    if isinstance(error, ComposerError) and error.context and "single document" in error.context:
        return f"a second document begins{place}"
    return f"{_unquoted(error.problem or error.context or type(error).__name__)}{place}"


def _unquoted(problem: str) -> str:
    """The parser's words as far as they are its own."""
    own = _HARMLESS.sub(lambda match: " " * len(match.group()), problem)
    foreign = re.search(r"['\"]", own)
    words = problem[: foreign.start()] if foreign else problem
    return " ".join(words.split()) or "a value that YAML does not allow"
