"""The waves of a change of propagated objects: what moves in each, and what is held where it is meanwhile. Pure.

Nothing is stored between runs. What every cluster was brought is in the stack's state, what it is to get follows from
the stack file: a wave whose clusters have all of it has been taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from meshfleet.federation.affinity import listed
from meshfleet.federation.candidates import candidates
from meshfleet.federation.waves import waves
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.plan import own_plan
from meshfleet.manifests.propagated_mark import Mark, mark_of
from meshfleet.manifests.propagations import SECTION
from meshfleet.topology import Fleet

Marks = Mapping[str, Mapping[str, Mark]]
"""Cluster to document to mark."""
Recorded = Mapping[str, Collection[str]]
"""Cluster to the documents of propagations that the state has of it."""


@dataclass(frozen=True)
class WaveStep:
    """A step of a change in waves.

    `moves` are the clusters that get what is declared of a propagation, and `awaited` those that have to be healthy
    after it. `held` are the documents that stay as they are, by cluster, and `moving` those of all steps together.
    `pauses` has the propagations whose rollout waits for another run after it.
    """

    name: str
    moves: Mapping[str, tuple[str, ...]]
    awaited: Mapping[str, tuple[str, ...]]
    held: Mapping[str, frozenset[str]]
    moving: Mapping[str, frozenset[str]]
    pauses: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Way:
    """The way of one propagation: its waves, those that are left, and what differs in their clusters."""

    propagation: str
    waves: tuple[tuple[str, ...], ...]
    left: tuple[int, ...]
    differing: Mapping[str, frozenset[str]]
    pause: bool

    def held(self, steps: int) -> Iterator[tuple[str, str]]:
        """What is held after so many steps."""
        for at in self.left[steps:]:
            yield from ((cluster, document) for cluster in self.waves[at] for document in self.differing[cluster])


def wave_steps(fleet: Fleet, recorded: Marks) -> tuple[WaveStep, ...]:
    """The steps from what is recorded to what is declared; none where no change is to be in waves.

    Propagations take their steps side by side. The first step moves nothing where an earlier wave has been taken: it
    brings up what has ended since, and that wave has to be healthy before the next.
    """
    if not any(propagation.rollout for propagation in fleet.propagations.values()):
        return ()
    documents = {cluster: SECTION.documents(fleet, cluster, Placeholders(fleet)) for cluster in fleet.clusters}
    declared = {
        cluster: {one.name: mark for one in each if (mark := mark_of(one.body))}  # type: ignore[arg-type]
        for cluster, each in documents.items()
    }
    ways = [way for name in fleet.propagations if (way := _way(fleet, name, declared, recorded))]
    if not ways:
        return ()
    steps: list[WaveStep] = []
    taken = {way.propagation: _before(way) for way in ways}
    every = with_waiting(fleet, [pair for way in ways for pair in way.held(0)], recorded)
    if any(taken.values()):
        awaited = {name: clusters for name, clusters in taken.items() if clusters}
        steps.append(WaveStep(f"earlier waves of {', '.join(awaited)}", {}, awaited, every, every))
    for number in range(max(len(way.left) for way in ways)):
        now = [way for way in ways if number < len(way.left)]
        moves = {way.propagation: way.waves[way.left[number]] for way in now}
        held = with_waiting(fleet, [pair for way in ways for pair in way.held(number + 1)], recorded)
        pauses = tuple(way.propagation for way in now if way.pause and number + 1 < len(way.left))
        steps.append(WaveStep("; ".join(_named(way, number) for way in now), moves, moves, held, every, pauses))
    return tuple(steps)


def _way(fleet: Fleet, name: str, declared: Marks, recorded: Marks) -> _Way | None:
    """The way of a propagation; None where nothing of it differs, or it is not to be in waves."""
    rollout = fleet.propagations[name].rollout
    if rollout is None:
        return None
    wanted, there = _of(declared, name), _of(recorded, name)
    if not any(there.values()) and not rollout.first_creation:
        return None
    clusters = [one for one in candidates(fleet) if wanted.get(one.name) or there.get(one.name)]
    differing = {
        one.name: frozenset(
            document
            for document in {*wanted.get(one.name, {}), *there.get(one.name, {})}
            if wanted.get(one.name, {}).get(document) != there.get(one.name, {}).get(document)
        )
        for one in clusters
    }
    found = waves(rollout, clusters)
    left = tuple(at for at, each in enumerate(found) if any(differing[cluster] for cluster in each))
    return _Way(name, found, left, differing, rollout.pause) if left else None


def _of(marks: Marks, propagation: str) -> dict[str, dict[str, str]]:
    """Cluster to document to what it is made of, for one propagation."""
    return {
        cluster: {document: mark.content for document, mark in each.items() if mark.propagation == propagation}
        for cluster, each in marks.items()
    }


def _before(way: _Way) -> tuple[str, ...]:
    """The clusters of the waves before the first that is left."""
    return tuple(cluster for at in range(way.left[0]) for cluster in way.waves[at])


def with_waiting(fleet: Fleet, pairs: Iterable[tuple[str, str]], recorded: Recorded) -> dict[str, frozenset[str]]:
    """These documents by cluster, and with one that is not there yet what would wait for it, of whatever section."""
    found: dict[str, set[str]] = {}
    for cluster, document in pairs:
        found.setdefault(cluster, set()).add(document)
    for cluster, held in found.items():
        missing = held - set(recorded.get(cluster, ()))
        plan = own_plan(fleet, cluster) if missing else []
        while waiting := {one.name for one in plan if one.name not in held and missing.intersection(one.after)}:
            held.update(waiting)
            missing.update(waiting)
    return {cluster: frozenset(held) for cluster, held in found.items()}


def _named(way: _Way, number: int) -> str:
    at = way.left[number]
    return f"wave {at + 1} of {len(way.waves)} of {way.propagation} ({listed(way.waves[at])})"
