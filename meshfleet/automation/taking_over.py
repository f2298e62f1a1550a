"""`up` around what clusters have already: what is taken over is recorded first, what is refused is left as it is.

Where a cluster of this machine does not respond yet, what the engine would take silently, or what the cluster may not
serve, waits for a second run of the engine, before which the cluster is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from meshfleet.automation.engine.urn_patterns import pattern_of, patterns_of
from meshfleet.automation.objects_in_place import (
    Answer,
    ask,
    leave_other_fields,
    new_objects,
    resources,
    unserved_objects,
)
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.state.recorded_propagations import RecordedObject, recorded_propagations
from meshfleet.automation.state.recorded_state import identities_of
from meshfleet.automation.state.taken_objects import TakenObject, with_taken
from meshfleet.errors import EngineError
from meshfleet.federation.propagated import Propagated
from meshfleet.manifests.propagated_kinds import uncertain
from meshfleet.manifests.propagated_waves import with_waiting
from meshfleet.manifests.propagations import document_name
from meshfleet.rollout.stages import Stage
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import key_of

if TYPE_CHECKING:
    from meshfleet.automation.session import Session

New = Mapping[str, Mapping[str, Propagated]]
Recorded = Mapping[str, Mapping[str, RecordedObject]]


class Run(Protocol):
    """A run of the engine without what these patterns of URNs name."""

    def __call__(self, excluded: list[str], *, again: bool) -> Record:
        """Run; `again` for the second run of one `up`."""
        ...


@dataclass
class Look:
    """What is known of the objects that clusters are to get.

    `refused` has why, by cluster and document; `held` are the documents that this run leaves out; `later` are those
    that wait for a second run. `taken` is recorded already.
    """

    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    later: dict[str, dict[str, Propagated]] = field(default_factory=dict)
    taken: list[TakenObject] = field(default_factory=list)

    @property
    def excluded(self) -> list[str]:
        """What this run leaves out, as patterns of URNs."""
        return patterns_of(self.held)

    def lines(self) -> Iterator[str]:
        """A line for each object that is refused, and one for each cluster with what is not created because of it."""
        yield from (f"{cluster}: {why}" for (cluster, _), why in self.refused.items())
        for cluster, names in self.held.items():
            waiting = [name for name in names if (cluster, name) not in self.refused]
            if waiting:
                yield f"{cluster}: {len(waiting)} objects that need what is named above are not created there either"


def around_what_is_there(session: Session, title: str, fleet: Fleet, left: Sequence[str], run: Run) -> Record:
    """Run the engine, twice where clusters have to be up before they can be asked.

    What is in `left` is not looked at. Raises EngineError, when all else is done, for objects that are refused.
    """
    new = _without(new_objects(fleet, recorded_propagations(session.engine.recorded())), left)
    if not new:
        return run([*left], again=False)
    look = look_at(session, fleet, new)
    try:
        record = run([*left, *look.excluded], again=False)
        if look.later:
            look = _second(session, fleet, look)
            record.changes += run([*left, *look.excluded], again=True).changes
    except EngineError as error:
        raise EngineError("\n  ".join([str(error), *look.lines()])) from error
    if look.refused:
        raise EngineError(
            "\n  ".join([f"{title} did not complete:", *look.lines()])
            + f"\nall else is done; then run meshfleet up --stack {session.name} again"
        )
    return record


def look_at(session: Session, fleet: Fleet, new: New) -> Look:
    """Ask the clusters, and record what is taken over."""
    recorded = session.engine.recorded()
    answers = ask(session, fleet, new)
    look = Look(refused=_refused(answers))
    look.taken, waiting = resources(recorded, answers)
    _record(session, look)
    known = identities_of(recorded)
    for cluster, answer in answers.items():
        capabilities = fleet.clusters[cluster].capabilities
        if answer.silent and capabilities.ends_with_stack:
            # One that was there before may hold anything; a new one only lacks what it may not serve.
            objects = new[cluster].values() if cluster in known else uncertain(fleet, cluster, new[cluster].values())
            waiting |= {(cluster, document_name(one.propagation, one.key)) for one in objects}
    look.held = _held(session, fleet, {*look.refused, *waiting})
    for cluster, document in waiting:
        look.later.setdefault(cluster, {})[document] = new[cluster][document]
    return look


def what_is_there(session: Session, stage: Stage) -> dict[str, list[str]]:
    """What `up` would take over, and what it would refuse, a line each, in clusters that answer; for `preview`."""
    fleet = stage.fleet
    if not fleet.propagations:
        return {}
    new = _without(new_objects(fleet, recorded_propagations(session.engine.recorded())), stage.held)
    answers = ask(session, fleet, new) if new else {}
    taken = [
        f"{cluster}: {key_of(one.body)} is there already and is taken over"
        for cluster, answer in answers.items()
        for one in answer.objects
        if not one.refusal
    ]
    refused = [f"{cluster}: {why}" for (cluster, _), why in _refused(answers).items()]
    return ({"takenOver": taken} if taken else {}) | ({"refused": refused} if refused else {})


def _second(session: Session, fleet: Fleet, first: Look) -> Look:
    """The look after the first run: every cluster that is up can be asked now."""
    answers = ask(session, fleet, first.later)
    look = Look(refused={**first.refused, **_refused(answers)})
    look.taken, _ = resources(session.engine.recorded(), answers)
    look.refused |= unserved_objects(session, fleet, first.later)
    _record(session, look)
    look.held = _held(session, fleet, set(look.refused))
    return look


def _refused(answers: Mapping[str, Answer]) -> dict[tuple[str, str], str]:
    return {
        (cluster, one.document): one.refusal
        for cluster, answer in answers.items()
        for one in answer.objects
        if one.refusal
    }


def _record(session: Session, look: Look) -> None:
    if not look.taken:
        return
    leave_other_fields(session, look.taken)
    session.engine.rewrite(lambda deployment: with_taken(deployment, look.taken))
    for one in look.taken:
        session.notify(f"{one.cluster}: takes over {one.key}, which is there already")


def _held(session: Session, fleet: Fleet, pairs: set[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """These documents, and those that would wait for one of them."""
    if not pairs:
        return {}
    return with_waiting(fleet, sorted(pairs), recorded_propagations(session.engine.recorded()))


def _without(new: New, left: Sequence[str]) -> dict[str, dict[str, Propagated]]:
    named = set(left)
    kept = {
        cluster: {name: one for name, one in objects.items() if pattern_of(cluster, name) not in named}
        for cluster, objects in new.items()
    }
    return {cluster: objects for cluster, objects in kept.items() if objects}
