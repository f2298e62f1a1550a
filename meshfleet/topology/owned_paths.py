"""Paths in documents, and tables of patterns of them. Pure.

A path is the keys that lead to a value; of the entries of a list it has their names (`entries_of`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]

ANY = "*"
"""A step of a pattern that any key fits."""


@dataclass(frozen=True)
class Owned:
    """A field that nothing else may set: `path` may have `*` for a whole step, or a step that ends in `/*`."""

    path: Path
    owner: str


@dataclass
class _Node:
    """The patterns of a table that have the same steps so far."""

    owner: str | None = None
    steps: dict[str, _Node] = field(default_factory=dict)


def fits(pattern: Path, path: Path) -> bool:
    """Whether a path is the one that a pattern names."""
    return len(pattern) == len(path) and all(map(_step_fits, pattern, path))


def within(pattern: Path, path: Path) -> bool:
    """Whether a path is the one that a pattern names, or one below it."""
    return len(pattern) <= len(path) and all(map(_step_fits, pattern, path))


def _step_fits(pattern: str, step: str) -> bool:
    if pattern == ANY:
        return True
    return step.startswith(pattern[:-1]) if pattern.endswith("/*") else step == pattern


def entries_of(value: Any) -> Mapping[str, Any]:
    """What is directly in a tree: a list's entries go by their `name` where each has one of its own, else by position.

    So an entry put before another one does not make that one another.
    """
    if isinstance(value, Mapping):
        return {str(key): inner for key, inner in value.items()}
    if isinstance(value, list):
        names = [str(entry["name"]) for entry in value if isinstance(entry, Mapping) and "name" in entry]
        keys = names if len(set(names)) == len(value) else map(str, range(len(value)))
        return dict(zip(keys, value, strict=True))
    return {}


class Table:
    """Patterns of paths, each with the field of the stack file that decides what is there."""

    def __init__(self, *entries: Owned) -> None:
        self.entries = entries
        self._root = _Node()
        for owned in entries:
            node = self._root
            for step in owned.path:
                node = node.steps.setdefault(step, _Node())
            node.owner = owned.owner

    def within(self, path: Path) -> Owned | None:
        """The entry that names a path, or one above it."""
        return next((owned for owned in self.entries if within(owned.path, path)), None)

    def found_in(self, value: Any) -> dict[Path, tuple[str, Any]]:
        """Each path of a tree that an entry names, sorted, with its owner and what is there."""
        known: dict[Path, tuple[str, Any]] = {}
        waiting: list[tuple[Path, _Node, Any]] = [((), self._root, value)]
        while waiting:
            path, node, there = waiting.pop()
            if node.owner is not None:
                known.setdefault(path, (node.owner, there))
            elif node.steps:
                for key, inner in entries_of(there).items():
                    waiting += [((*path, key), following, inner) for following in _following(node, key)]
        return dict(sorted(known.items()))


def _following(node: _Node, key: str) -> Iterator[_Node]:
    # A key with a prefix fits the step of its prefix as well.
    for step in dict.fromkeys((key, f"{key.partition('/')[0]}/*" if "/" in key else key, ANY)):
        if step in node.steps:
            yield node.steps[step]


def spelled(path: Path) -> str:
    """A path as a person writes it."""
    return ".".join(path)
