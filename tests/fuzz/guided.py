"""Fuzz that follows coverage: an input that reaches a new line of the project is kept, and damaged further.

A corpus for each door, from inputs that are right. Damage knows the structure: parts of JSON are removed, exchanged and
replaced, texts and bytes are cut, repeated and spliced. Why not atheris: docs/development.md.
"""

from __future__ import annotations

import copy
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from meshfleet.errors import MeshfleetError
from tests.fuzz.damage import paths
from tests.fuzz.decoding_places import PACKAGES, ROOT

_OURS = tuple(f"{ROOT / package}/" for package in PACKAGES)
_SECONDS = 10.0
"""Of processor time that one input may take: a hundred times the slowest."""
_TEXTS = (
    *(
        "",
        "\0",
        "\ud800",
        "\x1b[31m",
        "x" * 5000,
        "../../etc/passwd",
        "-1",
        "0",
        "1e999",
        "9" * 5000,
        "{}",
        "[]",
        "null",
    ),
    *(
        "[" * 3000,
        '{"a":' * 3000,
        "a: &a [*a]",
        "YQ==",
        "=",
        "2026-01-01T00:00:00Z",
        "127.0.0.1",
        "::1",
        "a,b=c;d'e\"f",
    ),
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    65536,
    2**63,
    1e308,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [{}],
    *_TEXTS,
)


@dataclass(frozen=True)
class Door:
    """A way in: inputs that are right, and what reads them.

    `refusals` are the errors with which it may refuse: those of the project, unless its caller expects more.
    """

    seeds: tuple[Any, ...]
    read: Callable[[Any], object]
    refusals: tuple[type[Exception], ...] = (MeshfleetError,)


@dataclass
class Explored:
    """What was reached: lines, and functions as `file:function`."""

    lines: set[tuple[CodeType, int]] = field(default_factory=set)
    tried: int = 0
    kept: int = 0
    refused: int = 0
    slowest: float = 0.0
    last: str = ""

    @property
    def functions(self) -> set[str]:
        """Those that ran, named as decoding_places.py names them."""
        return {_named(code) for code, _ in self.lines}


def explore(door: Door, rounds: int, seed: int = 0) -> Explored:
    """Put all seeds and `rounds` damaged inputs before a door. Raises AssertionError with the input that breaks it."""
    chance = random.Random(seed)
    explored, corpus = Explored(), list(door.seeds)
    for value in door.seeds:
        _read(door, copy.deepcopy(value), explored)
    assert not explored.refused, f"refused what is right: {explored.last}"
    for _ in range(rounds):
        value = damaged(copy.deepcopy(chance.choice(corpus)), corpus, chance)
        before = len(explored.lines)
        _read(door, copy.deepcopy(value), explored)
        if len(explored.lines) > before:
            corpus.append(value)
            explored.kept += 1
    return explored


def _read(door: Door, value: Any, explored: Explored) -> None:
    kept = copy.deepcopy(value)
    explored.tried += 1
    begun = time.thread_time()
    try:
        with _Traced(explored.lines):
            door.read(value)
    except door.refusals as error:
        explored.refused += 1
        said = str(error)
        explored.last = f"{type(error).__name__}: {said}"
        if isinstance(error, MeshfleetError):
            assert said, repr(kept)[:2000]
            assert all(line.isprintable() for line in said.split("\n")), (said, repr(kept)[:2000])
    except Exception as error:  # whatever is no refusal of that door is what the fuzz looks for
        raise AssertionError(f"{type(error).__name__}: {error}; for {repr(kept)[:4000]}") from error
    explored.slowest = max(explored.slowest, time.thread_time() - begun)
    assert explored.slowest < _SECONDS, repr(kept)[:2000]


class _Traced:
    """Notes each line of the project that runs in this thread."""

    def __init__(self, lines: set[tuple[CodeType, int]]) -> None:
        self._lines = lines

    def __enter__(self) -> None:
        self._before = sys.gettrace()
        sys.settrace(self._enter)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(_OURS) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        self._lines.add((frame.f_code, frame.f_lineno))
        return self._line


def _named(code: CodeType) -> str:
    function = code.co_qualname.replace("<locals>.", "")
    # A comprehension or a lambda is a part of the function around it.
    parts = [part for part in function.split(".") if not part.startswith("<")]
    # `meshfleet/components` is a link.
    file = Path(code.co_filename).resolve().relative_to(ROOT)
    return f"{file}:{'.'.join(parts)}"


def damaged(value: Any, corpus: list[Any], chance: random.Random) -> Any:
    """The value with up to four changes."""
    for _ in range(chance.randint(1, 4)):
        value = _changed(value, chance.choice(corpus), chance)
    return value


def _changed(value: Any, other: Any, chance: random.Random) -> Any:
    if isinstance(value, bytes):
        donor = other if isinstance(other, bytes) else b""
        return _cut(value.decode("latin-1"), donor.decode("latin-1"), chance).encode("latin-1", "replace")
    if isinstance(value, str):
        return _cut(value, other if isinstance(other, str) else "", chance)
    places = paths(value)
    if not places or chance.random() < 0.02:
        return _anything(other, chance)
    *way, last = chance.choice(places)
    at = value
    for step in way:
        at = at[step]
    what = chance.randrange(5)
    if what == 0:
        del at[last]
    elif what == 1:
        at[last] = _anything(other, chance)
    elif what == 2 and isinstance(at, dict):
        # What belongs to one name under another.
        at[chance.choice(list(at))] = copy.deepcopy(at[last])
    elif what == 3 and isinstance(at, list):
        at.append(copy.deepcopy(at[last]))
    elif isinstance(at[last], str | bytes):
        at[last] = _changed(at[last], "", chance)
    else:
        at[last] = copy.deepcopy(chance.choice(_VALUES))
    return value


def _anything(other: Any, chance: random.Random) -> Any:
    places = paths(other)
    if not places or chance.random() < 0.5:
        return copy.deepcopy(chance.choice(_VALUES))
    found = other
    for step in chance.choice(places):
        found = found[step]
    return copy.deepcopy(found)


def _cut(text: str, other: str, chance: random.Random) -> str:
    begin, end = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
    end = min(end, begin + chance.choice((1, 4, 16, 256, len(text))))
    what = chance.randrange(6)
    if what == 0:
        return text[:begin] + text[end:]
    if what == 1:
        return text[:end] + text[begin:]
    if what == 2:
        return text[:begin]
    if what == 3:
        return text[:begin] + chance.choice(_TEXTS)[:200] + text[end:]
    if what == 4:
        return text[:begin] + chr(chance.choice((0, 9, 10, 27, 34, 39, 46, 48, 58, 92, 127, 233, 0x202E))) + text[end:]
    return text[:begin] + other[chance.randint(0, len(other)) :][:200] + text[end:]
