"""A change that is unsafe in one pass, as the states that a fleet goes through one after another.

Each kind of change has a planner (`rollout/root_rotation.py` is one). From what is deployed and what is declared it
computes a `RolloutPlan`: the steps, and a function that freezes its part of the fleet while other planners take their
steps. Planners take turns, so that only one kind of change is in progress at any time; a change that needs no stages
is part of the first one.

Nothing is stored between runs: after an interruption the rollout is planned again from what is then deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from meshfleet.rollout.deployed import Deployed
from meshfleet.rollout.network_moves import move_networks
from meshfleet.rollout.plan import RolloutPlan
from meshfleet.rollout.revision_upgrade import upgrade_revisions
from meshfleet.rollout.root_rotation import rotate_roots
from meshfleet.topology.fleet import Fleet

Planner = Callable[[Deployed, Fleet], RolloutPlan]

AS_DEPLOYED = "as it is deployed"
"""The name of a stage that changes nothing and restarts processes that have ended."""

PLANNERS: tuple[Planner, ...] = (rotate_roots, upgrade_revisions, move_networks)


@dataclass(frozen=True)
class Stage:
    """A state of the whole fleet during a rollout.

    `name` describes it, and is empty when the target is reached in one stage. `preconditions` are the checks, by name,
    that must pass in every cluster before this stage starts. `held` are what the engine leaves as it is, as patterns of
    URNs. `moves` are the clusters that get what is declared of a propagation, `awaited` those that have to be healthy
    once it is done, and `pauses` names the propagations that wait for another run after it.
    """

    name: str
    fleet: Fleet
    preconditions: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    awaited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pauses: tuple[str, ...] = ()


def stages(deployed: Deployed, target: Fleet, planners: Sequence[Planner] = PLANNERS) -> tuple[Stage, ...]:
    """The stages from what is deployed to `target`, at least one; the fleet of the last one is the target itself.

    The first one has no preconditions, so that a run after an interrupted one can repair what has failed since.
    """
    plans = [planner(deployed, target) for planner in planners]
    found: list[Stage] = []
    for turn, plan in enumerate(plans):
        frozen = target
        for later in plans[turn + 1 :]:
            frozen = later.freeze(frozen)
        found += [Stage(step.name, step.apply(frozen), step.preconditions) for step in plan.steps]
    if found and found[0].preconditions:
        # A process that a precondition relies on may have ended since: bring up what is deployed first.
        frozen = target
        for plan in plans:
            frozen = plan.freeze(frozen)
        found.insert(0, Stage(AS_DEPLOYED, frozen))
    return tuple(found) or (Stage("", target),)
