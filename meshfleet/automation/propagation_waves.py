"""A change of propagated objects in waves: the stages of `up` for it, and the wait until a wave is healthy.

After an interruption the next run computes its waves from what is deployed. All that is stored is which wave was not
yet found healthy (workspace/wave_record.py): it is waited for again, even if nothing is left to move.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from meshfleet.automation.engine.urn_patterns import patterns_of
from meshfleet.automation.federation_status import ask
from meshfleet.automation.state.recorded_propagations import recorded_propagations
from meshfleet.automation.wave_rollback import WaveError
from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.errors import EngineError
from meshfleet.federation.health import Word
from meshfleet.federation.propagated import propagations
from meshfleet.manifests.propagated_waves import WaveStep, wave_steps
from meshfleet.manifests.propagations import SECTION
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.rollout.stages import Stage
from meshfleet.topology.propagation.kinds import ObjectKey
from meshfleet.workspace.wave_record import WaveUnderWay

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.automation.state.recorded_state import Deployment
    from meshfleet.topology import Fleet
    from meshfleet.verification.view import FleetView

_EVERY = 1.0
_ANSWER_SECONDS = 5.0
_NAMED = 8


class _LateError(EngineError):
    """A wave was not healthy in time."""


def with_waves(
    stages: tuple[Stage, ...],
    deployment: Deployment,
    target: Fleet,
    under_way: Mapping[str, WaveUnderWay] | None = None,
) -> tuple[Stage, ...]:
    """The stages of `up`, with those of changes in waves after them; in the others what moves later is held."""
    recorded = recorded_propagations(deployment)
    marks = {cluster: {name: one.mark for name, one in each.items()} for cluster, each in recorded.items()}
    steps = wave_steps(target, marks)
    pending = _pending(target, under_way or {}, {name for step in steps for name in step.moves})
    if not steps and not pending:
        return stages
    everything = _patterns(target, steps[0].moving) if steps else ()
    waited = (Stage(f"last wave of {', '.join(pending)}", target, held=everything, awaited=pending),) if pending else ()
    before: tuple[Stage, ...] = ()
    if stages[-1].name:
        before = tuple(Stage(one.name, one.fleet, one.preconditions, held=everything) for one in stages)
    return (*before, *waited, *(_stage(target, step) for step in steps))


def _stage(target: Fleet, step: WaveStep) -> Stage:
    held = _patterns(target, step.held)
    return Stage(step.name, target, held=held, moves=step.moves, awaited=step.awaited, pauses=step.pauses)


def _pending(
    fleet: Fleet, under_way: Mapping[str, WaveUnderWay], moving: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The clusters of waves that have all that is declared, and were not found healthy yet, by propagation."""
    found = {}
    for name, wave in under_way.items():
        declared = fleet.propagations.get(name)
        if declared is not None and declared.rollout and name not in moving:
            found[name] = tuple(cluster for cluster in wave.clusters if cluster in fleet.clusters)
    return {name: clusters for name, clusters in found.items() if clusters}


def _patterns(fleet: Fleet, held: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """What the engine leaves as it is: patterns of URNs, in which two asterisks stand for anything.

    In a cluster to which nothing goes any more the component that holds the objects has to stay with them.
    """
    placed = propagations(fleet)
    documents = patterns_of(held)
    components = [
        f"**{COMPONENT_PREFIX}{SECTION.component}::{cluster}"
        for cluster, names in held.items()
        if names and not placed.of(cluster)
    ]
    return tuple(documents + components)


def await_wave(session: Session, stage: Stage) -> None:
    """Wait until what a stage has brought to clusters is healthy there.

    Raises EngineError, with what is not, once the time of its propagation is over, or at once where an object failed.
    """
    if not stage.awaited:
        return
    from meshfleet.verification import read_fleet

    looking = _Looking(session, stage, read_fleet(session.status(), session.environment.tools))
    for name, clusters in stage.awaited.items():
        looking.wait(name, clusters)
    session.notify(f"{stage.name}: healthy")


class _Looking:
    """Looks at the clusters of a wave until they are healthy."""

    def __init__(self, session: Session, stage: Stage, view: FleetView) -> None:
        self._session, self._stage, self._view = session, stage, view
        self._fleet = session.topology
        self._lines: list[str] = []

    def wait(self, propagation: str, clusters: tuple[str, ...]) -> None:
        """Wait for one propagation."""
        rollout = self._fleet.propagations[propagation].rollout
        if rollout is None:
            return
        keys = frozenset(one.key for one in propagations(self._fleet).objects if one.propagation == propagation)
        seconds, name = rollout.health.within_seconds, self._stage.name
        try:
            look = partial(self._look, propagation, keys, clusters)
            wait_until(look, name, seconds, "", every=_EVERY, failure=_LateError)
        except _LateError:
            if rollout.abort_on == "NotReady":
                raise self._stopped(propagation, f"is not healthy within {seconds} s") from None
            told = "; ".join(self._lines[:_NAMED])
            self._session.notify(f"{name}: not healthy within {seconds} s, and goes on: {told}")

    def _look(self, propagation: str, keys: frozenset[ObjectKey], clusters: tuple[str, ...]) -> None:
        rows = ask(self._fleet, self._view, list(clusters), _ANSWER_SECONDS)
        lacking = [(cluster, key, row) for cluster, each in rows.items() for key, row in each.items() if key in keys]
        lacking = [found for found in lacking if not found[2].settled]
        self._lines = [f"{cluster}: {key}: {row.word}: {row.why}" for cluster, key, row in lacking]
        if any(row.word is Word.FAILED for _, _, row in lacking):
            raise self._stopped(propagation, "has failed")
        if lacking:
            raise NotYetError(f"{len(lacking)} objects are not ready")

    def _stopped(self, propagation: str, what: str) -> WaveError:
        more = [f"and {len(self._lines) - _NAMED} more"] if len(self._lines) > _NAMED else []
        return WaveError(
            propagation,
            "\n  ".join([f"{self._stage.name} {what}:", *self._lines[:_NAMED], *more])
            + "\nthe clusters of later waves keep what they have; correct the stack file, or what the objects need, "
            f"and run meshfleet up --stack {self._session.name} again, which goes on from here",
        )
