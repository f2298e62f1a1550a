"""The rollback of a wave: its clusters get back what the state had of them before it, through the engine.

What that was is kept from before the wave moves until it is healthy (workspace/wave_record.py), so that it is the same
after a kill.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.engine.urn_patterns import pattern_of
from meshfleet.automation.state.recorded_propagations import recorded_propagations
from meshfleet.errors import EngineError
from meshfleet.federation.affinity import listed
from meshfleet.rollout.stages import Stage
from meshfleet.workspace.wave_record import Bodies, WaveUnderWay, read_waves, write_waves

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.automation.state.recorded_state import Deployment

# The key of every secret in a state. https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"


class WaveError(EngineError):
    """A wave of a propagation was not healthy."""

    def __init__(self, propagation: str, message: str) -> None:
        super().__init__(message)
        self.propagation = propagation


def begin(session: Session, stage: Stage) -> None:
    """Keep what a stage is about to move, before it does. Raises FileError, EngineError for what cannot be kept."""
    if not stage.moves:
        return
    workspace = session.checkout.workspace(session.file.stack)
    kept = read_waves(workspace)
    recorded = session.engine.recorded()
    # Of a propagation that has no waves any more nothing is under way.
    waves = {name: one for name, one in kept.items() if _rollout(session, name)}
    for name, clusters in stage.moves.items():
        rollout = _rollout(session, name)
        if rollout is None:
            continue
        before = _before(recorded, name, clusters) if rollout.rollback_on_failure else None
        if before is not None and name in kept:
            # The same wave, or a part of it, was under way: what was there before that is what counts.
            before |= {one: found for one, found in (kept[name].before or {}).items() if one in before}
        waves[name] = WaveUnderWay(clusters, before)
    write_waves(workspace, waves)


def done(session: Session, stage: Stage) -> None:
    """Nothing of what a stage has found healthy is under way any more. Raises FileError."""
    if not stage.awaited:
        return
    workspace = session.checkout.workspace(session.file.stack)
    kept = read_waves(workspace)
    left = {name: one for name, one in kept.items() if not set(one.clusters) <= set(stage.awaited.get(name, ()))}
    if left != kept:
        write_waves(workspace, left)


def rolled_back(session: Session, stage: Stage, error: EngineError) -> EngineError:
    """Roll back what has failed of a stage, where that is asked for; the error to raise, which says so."""
    if not stage.awaited:
        return error
    workspace = session.checkout.workspace(session.file.stack)
    kept = read_waves(workspace)
    failed = [error.propagation] if isinstance(error, WaveError) else [*stage.moves]
    back = {
        name: {cluster: copy.deepcopy(bodies) for cluster, bodies in (kept[name].before or {}).items()}
        for name in failed
        if name in kept and kept[name].before and (rollout := _rollout(session, name)) and rollout.rollback_on_failure
    }
    if not back:
        return error
    what = "; ".join(f"{name} ({listed(list(clusters))})" for name, clusters in back.items())
    session.notify(f"rolling back {what}")
    fleet = stage.fleet.model_copy(update={"restored": back})
    restored = {pattern_of(cluster, one) for there in back.values() for cluster, each in there.items() for one in each}
    held = [pattern for pattern in stage.held if pattern not in restored]
    try:
        session.bring_up(f"up {session.name}, rollback of {what}", stage=fleet, refresh=False, exclude=held)
    except EngineError as second:
        return EngineError(
            f"{error}\nthe rollback of {what} did not complete either; the next meshfleet up takes the wave again, and "
            f"rolls it back to the same if it fails again:\n{second}"
        )
    write_waves(workspace, {name: one for name, one in kept.items() if name not in back})
    return EngineError(
        f"{error}\nthe wave was rolled back: {what} has what it had before it; the next meshfleet up takes it again"
    )


def _rollout(session: Session, name: str) -> Any:
    propagation = session.topology.propagations.get(name)
    return propagation.rollout if propagation else None


def _before(recorded: Deployment, propagation: str, clusters: tuple[str, ...]) -> dict[str, Bodies]:
    """What the state has of a propagation in these clusters. Raises EngineError for a secret, which is not kept."""
    there = recorded_propagations(recorded)
    found: dict[str, Bodies] = {}
    for cluster in clusters:
        found[cluster] = {}
        for document, one in there.get(cluster, {}).items():
            if one.mark.propagation != propagation:
                continue
            body = {key: copy.deepcopy(value) for key, value in one.body.items() if value is not None}
            if _holds_secret(body):
                raise EngineError(
                    f"{document} of {cluster} holds a secret, which is not kept for a rollback; leave "
                    f"propagations.{propagation}.rollout.rollbackOnFailure out"
                )
            found[cluster][document] = body
    return found


def _holds_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return _SIGNATURE in value or any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))
