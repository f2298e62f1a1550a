"""The steps of `up` and `preview` before the engine runs, with the stack locked.

A change that is not possible in place is rejected before any change, and so is a cluster name that refers to a
different cluster. Then `up` drops permanently lost clusters and clusters to recreate from the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshfleet.automation import forgetting, identities, recreation
from meshfleet.automation.orphans import refuse_renamed
from meshfleet.automation.recreation import drop_lost
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.state.deployment import deployed_fleet
from meshfleet.automation.state.recorded_state import Deployment, description_of, existing_clusters_of
from meshfleet.components.issued_trust import read_issued_trust
from meshfleet.rollout.transitions import recreations, transitions
from meshfleet.topology import TopologyError

if TYPE_CHECKING:
    from meshfleet.automation.session import Session


@dataclass(frozen=True)
class Preconditions:
    """The recorded state, and the clusters to recreate, each with its reason."""

    recorded: Deployment
    recreated: Mapping[str, str]


def check_preconditions(session: Session, forget: Sequence[str] = ()) -> Preconditions:
    """Check that the recorded stack can be updated in place to the stack file, without the clusters to `forget`.

    Prints the clusters that are recreated. Raises `TopologyError` with all faults, `EngineError` for a recorded
    status that cannot be read.
    """
    checkout, topology, stack = session.checkout, session.topology, session.file.stack
    read_issued_trust(topology)
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
    if not faults and topology.propagations:
        from meshfleet.automation.objects_in_place import unserved

        faults = unserved(session, recorded)
    if faults:
        raise TopologyError(faults)
    for line in recreations(deployed, topology):
        print_line(line)
    return Preconditions(recorded, identities.recreated(decisions))


def prepare_up(session: Session, forget: Sequence[str]) -> dict[str, int]:
    """Check preconditions and drop lost clusters from the state. Returns the number of dropped resources by cluster.

    Call `forgetting.done` after the following run. Raises `TopologyError`, `EngineError`,
    `ProcessError`, `EmbeddedError`.
    """
    checkout, engine, topology = session.checkout, session.engine, session.topology
    checked = check_preconditions(session, forget)
    if checked.recorded.get("pending_operations") and not session.unsettled.clusters:
        # An interrupted plain `pulumi up`, or an interrupted run on another machine.
        session.resume()
    # Includes the clusters of an interrupted command, except clusters that the stack file declares again.
    requested = dict.fromkeys([*forget, *forgetting.interrupted(checkout, session.file.stack)])
    absent = [name for name in requested if name not in topology.clusters]
    removed = [name for name in existing_clusters_of(checked.recorded) if name not in {*topology.clusters, *absent}]
    foreign = identities.foreign_clusters(engine, removed)
    for sentence in foreign.values():
        print_line(sentence)
    forgotten = forgetting.forget(checkout, engine, [*absent, *foreign], quiet=session.quiet)
    recreation.drop_replaced(engine, checked.recreated, checkout.home)
    drop_lost(engine, checked.recorded, topology, checkout.home)
    return forgotten
