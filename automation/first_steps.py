"""What `up` and `preview` do before the engine is asked for anything, with the stack held.

A change that cannot be made in place is refused before anything is touched. Then `up` alone forgets the clusters that
are gone for good, and makes room for those that have to be made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from automation import forgetting
from automation.answers import say
from automation.making_anew import make_room, to_make_anew
from automation.recorded_state import Deployment, description_of
from topology import TopologyError
from topology.transitions import made_anew, transitions

if TYPE_CHECKING:
    from automation.session import Session


def refuse_impossible(session: Session, forget: Sequence[str] = ()) -> Deployment:
    """What is recorded of the stack, if its file can be made so in place without the clusters to `forget`.

    Raises `TopologyError` with every fault. Says which clusters are made anew for it.
    """
    checkout, topology, stack = session.checkout, session.topology, session.file.stack
    recorded = session.engine.recorded()
    description = description_of(recorded)
    gone = {*forget, *forgetting.interrupted(checkout, stack)}
    faults = [
        *forgetting.faults(forget, topology.clusters, forgetting.known_to(checkout, stack, recorded)),
        *transitions(description, topology, gone),
    ]
    if faults:
        raise TopologyError(faults)
    for line in made_anew(description, topology):
        say(line)
    return recorded


def first_steps(session: Session, forget: Sequence[str]) -> dict[str, int]:
    """Refuse, forget, make room. How many resources of each forgotten cluster were known.

    `forgetting.done` is to follow the run that comes after it. Raises `TopologyError`, `EngineError`,
    `ProcessError`, `EmbeddedError`.
    """
    checkout, engine, topology = session.checkout, session.engine, session.topology
    recorded = refuse_impossible(session, forget)
    if recorded.get("pending_operations"):
        # Of a plain `pulumi up`, or of a run on another machine, that was killed.
        session.go_on()
    # Of a command that was killed; a cluster that is in the file again is not meant any more.
    meant = dict.fromkeys([*forget, *forgetting.interrupted(checkout, session.file.stack)])
    absent = [name for name in meant if name not in topology.clusters]
    forgotten = forgetting.forget(checkout, engine, absent, quiet=session.quiet)
    make_room(engine, to_make_anew(recorded, topology, checkout.home))
    return forgotten
