"""What `up` and `preview` do before the engine is asked for anything, with the stack held.

A change that cannot be made in place is refused before anything is touched, and so is a name that leads to another
cluster than it should. Then `up` alone forgets the clusters that are gone for good, and drops what is recorded of
those that have to be created again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshfleet.automation import forgetting, identities, recreation
from meshfleet.automation.making_anew import make_room
from meshfleet.automation.orphans import refuse_renamed
from meshfleet.automation.reporting.output import say
from meshfleet.automation.state.deployment import deployed_fleet
from meshfleet.automation.state.recorded_state import Deployment, description_of, existing_clusters_of
from meshfleet.rollout.transitions import recreations, transitions
from meshfleet.topology import TopologyError

if TYPE_CHECKING:
    from meshfleet.automation.session import Session


@dataclass(frozen=True)
class Possible:
    """What is recorded of the stack, and the clusters that are created again, with a sentence for each."""

    recorded: Deployment
    recreated: Mapping[str, str]


def refuse_impossible(session: Session, forget: Sequence[str] = ()) -> Possible:
    """What is recorded of the stack, if its file can be made so in place without the clusters to `forget`.

    Says which clusters are recreated for it. Raises `TopologyError` with every fault, `EngineError` for a recorded
    status that cannot be read.
    """
    checkout, topology, stack = session.checkout, session.topology, session.file.stack
    recorded = session.engine.recorded()
    refuse_renamed(stack, recorded)
    deployed = deployed_fleet(description_of(recorded))
    gone = {*forget, *forgetting.interrupted(checkout, stack)}
    decisions = identities.compare_with_state(session)
    faults = [
        *forgetting.faults(forget, topology.clusters, forgetting.known_to(checkout, stack, recorded)),
        *transitions(deployed, topology, gone),
        *identities.faults_of(decisions),
    ]
    if faults:
        raise TopologyError(faults)
    for line in recreations(deployed, topology):
        say(line)
    return Possible(recorded, identities.recreated(decisions))


def first_steps(session: Session, forget: Sequence[str]) -> dict[str, int]:
    """Refuse, forget, make room. How many resources of each forgotten cluster were known.

    `forgetting.done` is to follow the run that comes after it. Raises `TopologyError`, `EngineError`,
    `ProcessError`, `EmbeddedError`.
    """
    checkout, engine, topology = session.checkout, session.engine, session.topology
    possible = refuse_impossible(session, forget)
    if possible.recorded.get("pending_operations") and not session.unsettled.clusters:
        # Of a plain `pulumi up`, or of a run on another machine, that was killed.
        session.go_on()
    # Of a command that was killed; a cluster that is in the file again is not meant any more.
    meant = dict.fromkeys([*forget, *forgetting.interrupted(checkout, session.file.stack)])
    absent = [name for name in meant if name not in topology.clusters]
    taken_out = [name for name in existing_clusters_of(possible.recorded) if name not in {*topology.clusters, *absent}]
    left_alone = identities.strangers(engine, taken_out)
    for sentence in left_alone.values():
        say(sentence)
    forgotten = forgetting.forget(checkout, engine, [*absent, *left_alone], quiet=session.quiet)
    recreation.drop(engine, possible.recreated, checkout.home)
    make_room(engine, possible.recorded, topology, checkout.home)
    return forgotten
