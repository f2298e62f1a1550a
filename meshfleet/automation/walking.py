"""`up` in stages: one after another, and between them a wait until the fleet itself says that it is there.

A run that is killed leaves nothing behind that the next one needs: it plans again from what is deployed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshfleet.automation.reporting.changes import Record, counted
from meshfleet.errors import EngineError
from meshfleet.rollout.stages import Stage

if TYPE_CHECKING:
    from meshfleet.automation.session import Session

# The kubelet may take a minute and a half to show a pod a changed Secret or ConfigMap.
CONFIRMATION_SECONDS = 180.0


@dataclass(frozen=True)
class Reached:
    """A stage that was brought about, and how long that took, what was waited for before it included."""

    stage: Stage
    record: Record
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """An entry of `stages` in `up --json`."""
        return {"name": self.stage.name, "changes": counted(self.record.changes), "seconds": round(self.seconds, 1)}


def walk(session: Session, stages: Sequence[Stage], *, refresh: bool) -> list[Reached]:
    """Bring about one stage after another. Raises `EngineError` at the first that fails or is not confirmed."""
    reached: list[Reached] = []
    for number, stage in enumerate(stages, start=1):
        start = time.monotonic()
        title = f"up {session.name}"
        if stage.name:
            title = f"{title}, stage {number} of {len(stages)}: {stage.name}"
            session.tell(f"stage {number} of {len(stages)}: {stage.name}")
        if reached and stage.preconditions:
            _confirm(session, reached[-1].stage, stage)
        # What differs from the world is mended once.
        fleet = stage.fleet if stage.name else None
        record = session.bring_up(title, stage=fleet, refresh=refresh and not reached)
        reached.append(Reached(stage, record, time.monotonic() - start))
    return reached


def _confirm(session: Session, before: Stage, stage: Stage) -> None:
    """Wait until the fleet says that it is where the stage before has brought it."""
    # Not needed by a run without stages, whose start it would slow down.
    from meshfleet.verification import read_fleet, run
    from meshfleet.verification.checks import named

    view = read_fleet(session.status(), session.environment.tools)
    report = run(view, named(stage.preconditions), timeout=CONFIRMATION_SECONDS)
    if not report.ok:
        lines = [f"{result.cluster}: {result.name}: {result.detail}" for result in report.failed]
        raise EngineError(
            "\n  ".join([f"waited {CONFIRMATION_SECONDS:.0f} s for every cluster to be at: {before.name}", *lines])
            + f"\nwithout that the next stage, {stage.name}, would break trust; fix the cause and run "
            f"meshfleet up --stack {session.name} again, which goes on from there"
        )
    session.tell(f"every cluster says so: {before.name}")
