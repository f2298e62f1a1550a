"""Reads which clusters the stack file leads to now, all at once, and compares them with what the stack recorded.

The verdicts are topology/identities.py's. Each cluster is one request with a time-out, and a cluster that cannot be
read is not another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.state.recorded_state import Deployment, identities_of
from meshfleet.errors import ClusterError, FileError
from meshfleet.files import read_text
from meshfleet.files.json_text import parse_json
from meshfleet.kube.identity import identity_in_folder, identity_of_embedded, prepare_reading, read_identity
from meshfleet.status import Status
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.identities import Decision, Living, Verdict, World, decide
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine
    from meshfleet.automation.session import Session
    from meshfleet.components.kubeconfig_file import KubeconfigFile

# Requests wait for the network; a fleet of hundreds of clusters is read in a few rounds.
READERS = 64


@dataclass(frozen=True)
class Reading:
    """What is being read of each declared cluster, in the order of the stack file."""

    pending: Mapping[str, Living | Future[Living]]

    def result(self) -> dict[str, Living]:
        """What was read, once all of it was, or the reason why it could not be."""
        return {name: one.result() if isinstance(one, Future) else one for name, one in self.pending.items()}


def start_reading(topology: Fleet, kubeconfigs: Mapping[str, KubeconfigFile], home: Path) -> Reading:
    """Begin to read every cluster of a fleet: existing ones by a request each, embedded ones from their folders."""
    workspace = Workspace(topology.name, home)
    pending: dict[str, Living | Future[Living]] = {}
    if kubeconfigs:
        prepare_reading()
    pool = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="identity") if kubeconfigs else None
    for name, cluster in topology.clusters.items():
        named = cluster.capabilities.context
        if cluster.local:
            pending[name] = _local(cluster.provider, workspace.cluster(name))
        elif named and pool and name in kubeconfigs:
            pending[name] = pool.submit(_remote, cluster.provider, kubeconfigs[name].content, named.context)
        else:
            pending[name] = Living(cluster.provider, reason="no provider of this kind reads it")
    if pool:
        # Nothing else runs meanwhile: imports in this thread and first uses in others do not go together.
        pool.shutdown(wait=True)
    return Reading(pending)


def compare(session: Session, recorded: Mapping[str, str], world: World | None = None) -> dict[str, Decision]:
    """The verdict on each declared cluster, against these recorded identities."""
    living = session.reading.result()
    known = {*recorded.values(), *(world.other_stacks if world else ()), *(one.identity for one in living.values())}
    for name, one in living.items():
        if name in session.kubeconfigs and one.identity and recorded.get(name) != one.identity:
            # One that an embedded cluster's kubeconfig leads to is that embedded cluster.
            embedded = identity_of_embedded(session.kubeconfigs[name].content)
            living[name] = replace(one, identity=embedded if embedded in known and embedded else one.identity)
    return decide(recorded, living, world)


def compare_with_state(session: Session) -> dict[str, Decision]:
    """The verdict on each declared cluster, with the stack held. Raises `EngineError` and `FileError`."""
    recorded = identities_of(session.engine.recorded())
    existing = [name for name, cluster in session.topology.clusters.items() if cluster.capabilities.context]
    new = [name for name in existing if name not in recorded]
    world = World(other_stacks=_other_stacks(session.checkout, session.file.stack) if new else {})
    decisions = compare(session, recorded, world)
    gone = [name for name, decision in decisions.items() if decision.verdict is Verdict.RECREATED]
    if not gone:
        return decisions
    answering = {
        name for name, found in living_under_state(session.engine, gone).items() if found.identity == recorded[name]
    }
    return compare(session, recorded, replace(world, answering=answering)) if answering else decisions


def faults_of(decisions: Mapping[str, Decision]) -> list[Fault]:
    """What is wrong in the stack file about which clusters its names lead to."""
    return [decision.fault for decision in decisions.values() if decision.fault]


def recreated(decisions: Mapping[str, Decision]) -> dict[str, str]:
    """A sentence for each cluster that is another one in the place of the recorded one."""
    return {
        name: f"{name}: this is another cluster ({decision.now}) than the one of the stack ({decision.before}), which "
        "does not answer any more: everything is created in it again"
        for name, decision in decisions.items()
        if decision.verdict is Verdict.RECREATED
    }


def identities_in(status: Status) -> dict[str, str]:
    """The recorded identity of each cluster of a status; a cluster of an earlier release may have none."""
    return {cluster.name: cluster.identity for cluster in status.clusters if cluster.identity}


def require_one(session: Session, status: Status) -> None:
    """For a command that works in clusters with what the stack knows of them.

    Raises `TopologyError` where names lead to mistaken clusters, `ClusterError` where one was created again.
    """
    for sentence in recreated(require_recorded(session, identities_in(status))).values():
        raise ClusterError(f"{sentence} by meshfleet up --stack {session.name}; run that first")


def require_recorded(session: Session, recorded: Mapping[str, str]) -> dict[str, Decision]:
    """The verdicts for a command that only reads. Raises `TopologyError` where names lead to mistaken clusters."""
    decisions = compare(session, recorded)
    if faults := faults_of(decisions):
        raise TopologyError(faults)
    return decisions


def living_under_state(engine: Engine, names: Iterable[str]) -> dict[str, Living]:
    """What answers under the access that the stack recorded for existing clusters. Raises `EngineError`."""
    wanted = list(names)
    accesses = engine.recorded_access(wanted) if wanted else {}
    if not accesses:
        return {}
    prepare_reading()
    with ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="identity") as pool:
        pending = {name: pool.submit(_remote, "", *access) for name, access in accesses.items()}
        return {name: one.result() for name, one in pending.items()}


def strangers(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """The recorded existing clusters in whose place another one answers, with a sentence for each.

    Nothing may be deleted there. Raises `EngineError`.
    """
    recorded = identities_of(engine.recorded())
    return {
        name: f"{name}: another cluster ({found.identity}) answers in the place of the one of this stack "
        f"({recorded[name]}): nothing is deleted in it, and what was recorded of the old one is dropped"
        for name, found in living_under_state(engine, [name for name in names if recorded.get(name)]).items()
        if found.identity not in ("", recorded[name])
    }


def _remote(provider: str, kubeconfig: str, context: str | None) -> Living:
    try:
        return Living(provider, read_identity(kubeconfig, context))
    except ClusterError as error:
        return Living(provider, reason=str(error))


def _local(provider: str, directory: Path) -> Living:
    try:
        identity = identity_in_folder(directory)
    except FileError as error:
        return Living(provider, reason=str(error))
    return Living(provider, identity or "", "" if identity else "nothing of the cluster is on this machine")


def _other_stacks(checkout: Checkout, stack: str) -> dict[str, str]:
    """The clusters of the other stacks whose state is in this checkout, by identity. Elsewhere none is known."""
    found = {}
    for path in (checkout.state / ".pulumi" / "stacks" / PROJECT).glob("*.json"):
        if path.stem != stack:
            for name, identity in identities_of(_deployment(path)).items():
                found[identity] = f"{name} of the stack {path.stem}"
    return found


def _deployment(path: Path) -> Deployment:
    try:
        return dict(parse_json(read_text(path) or "")["checkpoint"]["latest"])
    except (FileError, ValueError, KeyError, TypeError):
        # It is the other stack's own matter, and said by the next command on it.
        return {}
