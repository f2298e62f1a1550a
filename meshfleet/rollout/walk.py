"""The parts of a change in stages; `meshfleet/rollout/stages.py` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshfleet.topology.fleet import Fleet

Change = Callable[[Fleet], Fleet]
"""A fleet with one part of it as it is to be for now. Any other part stays as it was."""


@dataclass(frozen=True)
class Step:
    """One step of a walk, named in words.

    `needs` names the checks (`verification/checks/`) that must hold in every cluster before the step may be taken.
    """

    name: str
    apply: Change
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Walk:
    """The steps of one planner, in order, the last of which applies the target; none when it is reached.

    `hold` leaves the planner's part of a fleet as it is deployed.
    """

    steps: tuple[Step, ...]
    hold: Change


def unchanged(fleet: Fleet) -> Fleet:
    """The change that is none."""
    return fleet
