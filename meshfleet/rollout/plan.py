"""The steps of one kind of change; `meshfleet/rollout/stages.py` combines the plans of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshfleet.topology.fleet import Fleet

Change = Callable[[Fleet], Fleet]
"""A function that sets one part of a fleet for the time of a step and leaves every other part as it was."""


@dataclass(frozen=True)
class Step:
    """One step of a rollout plan.

    `preconditions` names the checks (`verification/checks/`) that must pass in every cluster before the step.
    """

    name: str
    apply: Change
    preconditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class RolloutPlan:
    """The steps of one planner, in order; the last one applies the target, and there is none once it is reached.

    `freeze` keeps the planner's part of a fleet as it is deployed.
    """

    steps: tuple[Step, ...]
    freeze: Change


def unchanged(fleet: Fleet) -> Fleet:
    """The change that leaves a fleet as it is."""
    return fleet
