"""Spread constraints: which of the eligible clusters are chosen, so that they form as many groups as declared.

Several constraints hold together. First as few clusters as meet every minimum are found, then others join them in
turns over the groups, as long as no maximum is exceeded.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#multi-region-ha-deployment
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from meshfleet.federation.affinity import listed
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.spread_minimums import Groups, Kind, few_that_meet
from meshfleet.topology.propagation.placement import SpreadConstraint

_COARSEST_FIRST = ("region", "zone", None, "cluster")


class Eligible(NamedTuple):
    """A cluster that may be chosen: its place in its tier, the tier, and how many replicas fit into it."""

    cluster: Candidate
    position: int
    tier: int = 0
    room: int = 0


@dataclass(frozen=True)
class Spread:
    """The clusters that are chosen, the few of them that meet the minimums, and why the others are not chosen.

    Where a minimum cannot be met, none is chosen and `unmet` says which.
    """

    chosen: frozenset[str] = frozenset()
    core: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    unmet: str = ""


def spread(constraints: Iterable[SpreadConstraint], eligible: Sequence[Eligible]) -> Spread:
    """The clusters that spread constraints choose; all of them where there is no constraint."""
    ordered = sorted(constraints, key=lambda each: _COARSEST_FIRST.index(each.spread_by_field))
    if not ordered or not eligible:
        return Spread(frozenset(each.cluster.name for each in eligible))
    kinds, left_out = _kinds(ordered, eligible)
    for at, constraint in enumerate(ordered):
        there = dict.fromkeys(value for kind in kinds if (value := kind[at]) is not None)
        if constraint.spread_by_field == "cluster":
            there = dict.fromkeys(member.cluster.name for own in kinds.values() for member in own)
        if len(there) < constraint.min_groups:
            found = f"found {len(there)} ({_listed(there)})" if there else "found none"
            return Spread(left_out=left_out, unmet=f"{_named(constraint)}: at least {constraint.min_groups}, {found}")
    limits = [(each.min_groups, each.max_groups) for each in ordered]
    waiting = _by_preference(kinds)
    core = few_that_meet(limits, {kind: len(own) for kind, own in waiting.items()}, lambda kind, n: waiting[kind][n][0])
    if core is None:
        why = f"{' and '.join(map(_named, ordered))}: no choice of clusters meets all of them together"
        return Spread(left_out=left_out, unmet=why)
    groups, taken = Groups(limits), Counter[Kind]()
    for kind in core:
        groups.add(kind)
        taken[kind] += 1
    few = frozenset(name for kind, count in taken.items() for _, name in waiting[kind][:count])
    _join(groups, taken, waiting)
    for kind, own in waiting.items():
        if taken[kind] < len(own):
            at = groups.exceeded(kind)
            # The names of clusters that are chosen are in the decision already.
            others = f", {_listed(groups.shared[at])}" if groups.shared[at] else ""
            why = f"{_named(ordered[at])}: at most {ordered[at].max_groups}{others}"
            left_out |= {name: why for _, name in own[taken[kind] :]}
    chosen = frozenset(name for kind, count in taken.items() for _, name in waiting[kind][:count])
    return Spread(chosen, few, left_out)


_Turn = tuple[int, ...]
_Waiting = dict[Kind, list[tuple[_Turn, str]]]
"""The clusters of each kind by preference, each with its sort key."""


def _kinds(
    constraints: Sequence[SpreadConstraint], eligible: Iterable[Eligible]
) -> tuple[dict[Kind, list[Eligible]], dict[str, str]]:
    """The clusters that are in a group for every constraint, by these groups; and why the others are in none."""
    found: dict[Kind, list[Eligible]] = {}
    left_out: dict[str, str] = {}
    shared = [each for each in constraints if each.spread_by_field != "cluster"]
    own = (None,) * (len(constraints) - len(shared))
    of = [_group_of(constraint) for constraint in shared]
    for each in eligible:
        values = tuple([group(each.cluster) for group in of])
        if None in values:
            left_out[each.cluster.name] = f"no {_by(shared[values.index(None)])}, which a spread constraint groups by"
        else:
            found.setdefault(values + own, []).append(each)
    return found, left_out


def _by_preference(kinds: Mapping[Kind, Sequence[Eligible]]) -> _Waiting:
    """First a lower tier, groups with more room, more room in the cluster itself; then the order of names."""
    room: Counter[tuple[int, str]] = Counter()
    for kind, members in kinds.items():
        total = sum(member.room for member in members)
        for at, value in enumerate(kind):
            if value is not None:
                room[at, value] += total
    found: _Waiting = {}
    for kind, members in kinds.items():
        totals = tuple(-room[at, value] for at, value in enumerate(kind) if value is not None)
        found[kind] = sorted(
            ((member.tier, *totals, -member.room, member.position), member.cluster.name) for member in members
        )
    return found


def _join(groups: Groups, taken: Counter[Kind], waiting: _Waiting) -> None:
    """Let clusters join those that are taken, in turns: of a tier, first those whose groups have fewest clusters."""

    def due(kind: Kind) -> tuple[int, tuple[int, ...], _Turn]:
        turn, _ = waiting[kind][taken[kind]]
        return turn[0], groups.sizes(kind), turn

    queue = [(due(kind), number, kind) for number, (kind, own) in enumerate(waiting.items()) if taken[kind] < len(own)]
    heapq.heapify(queue)
    while queue:
        then, number, kind = heapq.heappop(queue)
        # Groups only grow: what they no longer admit is never admitted again, and a turn is only put off.
        if groups.exceeded(kind) >= 0:
            continue
        if (now := due(kind)) == then:
            groups.add(kind)
            taken[kind] += 1
            if taken[kind] == len(waiting[kind]):
                continue
            now = due(kind)
        heapq.heappush(queue, (now, number, kind))


def _group_of(constraint: SpreadConstraint) -> Callable[[Candidate], str | None]:
    """The group that a cluster belongs to; None where it belongs to none. A zone is one within its region."""
    if (key := constraint.spread_by_label) is not None:
        return lambda cluster: cluster.labels.get(key)
    if constraint.spread_by_field == "region":
        return lambda cluster: cluster.region or None
    return lambda cluster: f"{cluster.region}/{cluster.zone}" if cluster.zone else None


def _by(constraint: SpreadConstraint) -> str:
    return constraint.spread_by_field or f"label {constraint.spread_by_label}"


def _named(constraint: SpreadConstraint) -> str:
    return f"spread constraint on {_by(constraint)}"


def _listed(values: Iterable[str]) -> str:
    return listed(value or "empty" for value in values)
