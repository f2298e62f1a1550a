"""`up` in stages: one after another, with a wait in between until every cluster has completed the stage.

No progress is stored: after an interruption the next run computes its plan from what is deployed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshfleet.automation.propagation_waves import await_wave
from meshfleet.automation.reporting.changes import Record, counted
from meshfleet.automation.wave_rollback import begin, done, rolled_back
from meshfleet.errors import EngineError
from meshfleet.rollout.stages import Stage

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.verification import Report

# The kubelet may take 90 seconds to update a changed Secret or ConfigMap in a pod.
CONFIRMATION_SECONDS = 180.0


@dataclass(frozen=True)
class CompletedStage:
    """A completed stage and its duration, including the wait before it."""

    stage: Stage
    record: Record
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """An entry of `stages` in `up --json`."""
        return {"name": self.stage.name, "changes": counted(self.record.changes), "seconds": round(self.seconds, 1)}


def run_stages(session: Session, stages: Sequence[Stage], *, refresh: bool) -> list[CompletedStage]:
    """Run one stage after another, up to one that a rollout pauses after.

    Raises `EngineError` for the first that fails, is not confirmed or does not become healthy.
    """
    completed: list[CompletedStage] = []
    for number, stage in enumerate(stages, start=1):
        start = time.monotonic()
        title = f"up {session.name}"
        if stage.name:
            title = f"{title}, stage {number} of {len(stages)}: {stage.name}"
            session.notify(f"stage {number} of {len(stages)}: {stage.name}")
        if completed and stage.preconditions:
            _confirm(session, completed[-1].stage, stage)
        # Drift is repaired once, in the first stage.
        fleet = stage.fleet if stage.name or session.overridden else None
        held: dict[str, Any] = {"exclude": stage.held} if stage.held else {}
        begin(session, stage)
        try:
            record = session.bring_up(title, stage=fleet, refresh=refresh and not completed, **held)
            await_wave(session, stage)
        except EngineError as error:
            raise rolled_back(session, stage, error) from error
        done(session, stage)
        completed.append(CompletedStage(stage, record, time.monotonic() - start))
        if stage.pauses:
            session.notify(
                f"{', '.join(stage.pauses)}: the rollout pauses here; run meshfleet up --stack {session.name} to go on"
            )
            break
    return completed


def _confirm(session: Session, before: Stage, stage: Stage) -> None:
    """Wait until every cluster has completed the previous stage."""
    # A run without stages does not need it, and starts faster without the import.
    from meshfleet.verification import read_fleet, run
    from meshfleet.verification.checks import named

    view = read_fleet(session.status(), session.environment.tools)
    report = run(view, named(stage.preconditions), timeout=CONFIRMATION_SECONDS)
    lines = refused_by(report)
    if lines or not report.ok:
        raise EngineError(
            "\n  ".join(
                [f"some clusters did not complete the stage {before.name} within {CONFIRMATION_SECONDS:.0f} s:", *lines]
            )
            + f"\nthe next stage, {stage.name}, would interrupt traffic before that; fix the cause and run "
            f"meshfleet up --stack {session.name} again, which resumes with this stage"
        )
    session.notify(f"every cluster has completed the stage: {before.name}")


def refused_by(report: Report) -> list[str]:
    """Why a stage is not confirmed: what failed, and what a cluster does not allow to check."""
    failed = [f"{result.cluster}: {result.name}: {result.detail}" for result in report.failed]
    return [*failed, *(f"{one.cluster}: {one.name} cannot be checked: {one.reason}" for one in report.not_run)]
