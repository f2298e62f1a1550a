"""Seeded points at which `up` and `destroy` are killed, spread evenly over what they do.

    MESHFLEET_SWEEP=full python -m pytest tests/integration/faults/test_killed_fleets.py -s

kills at all of them; otherwise each kind of kill is tried, at points of different parts.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from enum import Enum
from typing import Final

CLUSTERS: Final = ("host", "west")
RESOURCES: Final = 29
"""`up` of these two clusters makes so many resources, `destroy` removes as many, and each prints a line for each."""
POINTS: Final = 20
# Each kind of kill, of `up` and of `destroy`.
_CHOSEN: Final = (7, 11, 18)
_SEED: Final = 20261126


class Victims(Enum):
    """What is killed."""

    COMMAND = "the command alone"
    GROUP = "the command with its engine and plugins"
    EVERYTHING = "everything, as a power cut does"


@dataclass(frozen=True)
class Point:
    """A point of a command: `lines` resources done and `seconds` after that."""

    lines: int
    seconds: float
    victims: Victims


@dataclass(frozen=True)
class Turn:
    """One life of a fleet: `up` killed, then finished; `destroy` killed, then `up` again or at once finished."""

    number: int
    up: Point
    destroy: Point
    up_again: bool
    processes: bool

    def __str__(self) -> str:
        return f"{self.number}"


def turns() -> list[Turn]:
    """All of them, or those that an ordinary run of the suite takes."""
    chance = random.Random(_SEED)
    kinds = list(Victims)

    def point(part: int, kind: int, first_seconds: float) -> Point:
        lines = int(RESOURCES * (part + chance.random()) / POINTS)
        # Clusters take seconds and no line is printed meanwhile; afterwards something is under way at any moment.
        return Point(lines, chance.uniform(0, first_seconds if lines < 2 else 0.2), kinds[kind % len(kinds)])

    every = [
        # Kinds shifted against each other, so that each meets each.
        Turn(
            number,
            point(number, number, 3.0),
            point(number, number + number // 3, 0.4),
            number % 2 == 1,
            number % 5 == 4,
        )
        for number in range(POINTS)
    ]
    return every if os.environ.get("MESHFLEET_SWEEP") == "full" else [every[number] for number in _CHOSEN]
