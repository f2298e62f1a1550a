"""The few clusters that meet the minimum of every spread constraint without exceeding the maximum of another.

Clusters that form the same groups may stand for each other, so that kinds of clusters are chosen from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

LONGEST_SEARCH = 10_000
"""Choices that are tried. Constraints on regions, zones and clusters, of which one holds the next, need a few each."""

Kind = tuple[str | None, ...]
"""The group of a cluster for each constraint; None where each cluster is a group of its own."""
Limits = Sequence[tuple[int, int | None]]
"""The minimum and the maximum of each constraint."""


class Groups:
    """The groups that chosen clusters form, for each constraint: their number, and the clusters in those shared."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.numbers = [0] * len(limits)
        self.shared: list[Counter[str]] = [Counter() for _ in limits]

    def add(self, kind: Kind) -> None:
        """Choose a cluster of a kind."""
        for at, value in enumerate(kind):
            if value is not None:
                self.shared[at][value] += 1
            if value is None or self.shared[at][value] == 1:
                self.numbers[at] += 1

    def remove(self, kind: Kind) -> None:
        """Take the choice of a cluster back."""
        for at, value in enumerate(kind):
            if value is not None:
                self.shared[at][value] -= 1
            if value is None or not self.shared[at][value]:
                self.numbers[at] -= 1

    def is_new(self, at: int, kind: Kind) -> bool:
        """Whether a cluster of a kind forms another group for a constraint."""
        value = kind[at]
        return value is None or not self.shared[at][value]

    def sizes(self, kind: Kind) -> tuple[int, ...]:
        """How many clusters are chosen in each group of a kind."""
        return tuple(0 if value is None else self.shared[at][value] for at, value in enumerate(kind))

    def exceeded(self, kind: Kind) -> int:
        """The first constraint whose maximum one more cluster of a kind would exceed; -1 where there is none."""
        for at, (_, most) in enumerate(self._limits):
            if most is not None and self.numbers[at] >= most and self.is_new(at, kind):
                return at
        return -1

    def short(self) -> list[int]:
        """The constraints whose minimum is not met yet."""
        return [at for at, (least, _) in enumerate(self._limits) if self.numbers[at] < least]


@dataclass
class _Choice:
    """A choice that is open: the kinds it may take, those ruled out before it, and the one it has taken."""

    options: Iterator[Kind]
    ruled_out: set[Kind] = field(default_factory=set)
    taken: Kind | None = None


def few_that_meet(limits: Limits, counts: dict[Kind, int], turn: Callable[[Kind, int], object]) -> list[Kind] | None:
    """The kinds of clusters that meet every minimum, one for each cluster; None where no choice does, or none is found.

    `counts` has the clusters of each kind; `turn` is the sort key of a kind of which so many are taken, by preference.
    A search with backtracking: each step takes a cluster that forms a new group for the first minimum not met.
    """
    groups, taken = Groups(limits), Counter[Kind]()
    way = [_Choice(_options(groups, counts, taken, turn))]
    for _ in range(LONGEST_SEARCH):
        choice = way[-1]
        if choice.taken is not None:
            groups.remove(choice.taken)
            taken[choice.taken] -= 1
            choice.ruled_out.add(choice.taken)
        choice.taken = next((kind for kind in choice.options if kind not in choice.ruled_out), None)
        if choice.taken is None:
            way.pop()
            if not way:
                return None
            continue
        groups.add(choice.taken)
        taken[choice.taken] += 1
        if not groups.short():
            return [each.taken for each in way if each.taken is not None]
        # What led nowhere together with the choices so far leads nowhere with one more.
        way.append(_Choice(_options(groups, counts, taken, turn), set(choice.ruled_out)))
    return None


def _options(
    groups: Groups, counts: dict[Kind, int], taken: Counter[Kind], turn: Callable[[Kind, int], object]
) -> Iterator[Kind]:
    """Kinds that form a new group for the first minimum not met; first those that do so for other minimums as well."""
    short = groups.short()
    found = [
        kind
        for kind, count in counts.items()
        if taken[kind] < count and groups.is_new(short[0], kind) and groups.exceeded(kind) < 0
    ]
    return iter(
        sorted(found, key=lambda kind: (-sum(groups.is_new(at, kind) for at in short), turn(kind, taken[kind])))
    )
