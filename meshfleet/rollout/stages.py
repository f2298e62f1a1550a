"""A change that must not be made at once, as the states a fleet goes through one after another.

What a change of one kind needs is known to a planner of that kind (`rollout/root_rotation.py` is one). It is told
what is deployed and what is wanted, and gives a `Walk`: the steps, and how to leave its part of the fleet as it is
while others take theirs. Planners take turns, so that only one kind of change is under way at any time; whatever
needs no stages comes with the first of them.

Nothing is remembered between runs: a walk that was interrupted is planned again from what is then deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshfleet.rollout.deployed import Deployed
from meshfleet.rollout.network_moves import move_networks
from meshfleet.rollout.revision_upgrade import upgrade_revisions
from meshfleet.rollout.root_rotation import rotate_roots
from meshfleet.rollout.walk import Walk
from meshfleet.topology.fleet import Fleet

Planner = Callable[[Deployed, Fleet], Walk]

AS_DEPLOYED = "as it is deployed"
"""The name of a stage that changes nothing but starts again what has died."""

PLANNERS: tuple[Planner, ...] = (rotate_roots, upgrade_revisions, move_networks)


@dataclass(frozen=True)
class Stage:
    """A state of the whole fleet on the way.

    `name` says it in words, and is empty when the target is reached in one go. `needs` are the checks, by name, that
    must hold in every cluster before this stage starts.
    """

    name: str
    fleet: Fleet
    needs: tuple[str, ...] = ()


def stages(deployed: Deployed, target: Fleet, planners: Sequence[Planner] = PLANNERS) -> tuple[Stage, ...]:
    """The way from what is deployed to `target`, at least one stage; the last one's fleet is the target itself.

    The first one needs nothing, so that a run which goes on after another one can mend what it finds.
    """
    walks = [planner(deployed, target) for planner in planners]
    found: list[Stage] = []
    for turn, walk in enumerate(walks):
        held = target
        for later in walks[turn + 1 :]:
            held = later.hold(held)
        found += [Stage(step.name, step.apply(held), step.needs) for step in walk.steps]
    if found and found[0].needs:
        # What it needs may have died since. So what is deployed is brought up again before anybody is asked.
        there = target
        for walk in walks:
            there = walk.hold(there)
        found.insert(0, Stage(AS_DEPLOYED, there))
    return tuple(found) or (Stage("", target),)
