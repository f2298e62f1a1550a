"""Read the identity of every cluster in the stack file, in parallel, and compare it with the recorded identity.

topology/identities.py decides. Each cluster takes one request with a timeout; an unreachable cluster is not considered
a different one.
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

# Requests wait for the network; this reads hundreds of clusters in a few rounds.
READERS = 64


@dataclass(frozen=True)
class Reading:
    """The pending identities of all declared clusters, in the order of the stack file."""

    pending: Mapping[str, Living | Future[Living]]

    def result(self) -> dict[str, Living]:
        """Wait for all identities; each is the identity or the reason why it could not be read."""
        return {name: one.result() if isinstance(one, Future) else one for name, one in self.pending.items()}


def start_reading(topology: Fleet, kubeconfigs: Mapping[str, KubeconfigFile], home: Path) -> Reading:
    """Start reading the identities of a fleet: one request per existing cluster, files of embedded clusters."""
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
            pending[name] = Living(cluster.provider, reason="its provider does not support identities")
    if pool:
        # Wait here: imports in this thread are not safe while other threads use the modules for the first time.
        pool.shutdown(wait=True)
    return Reading(pending)


def compare(session: Session, recorded: Mapping[str, str], world: World | None = None) -> dict[str, Decision]:
    """The verdict on each declared cluster, against these recorded identities."""
    living = session.reading.result()
    known = {*recorded.values(), *(world.other_stacks if world else ()), *(one.identity for one in living.values())}
    for name, one in living.items():
        if name in session.kubeconfigs and one.identity and recorded.get(name) != one.identity:
            # A kubeconfig of an embedded cluster refers to that embedded cluster.
            embedded = identity_of_embedded(session.kubeconfigs[name].content)
            living[name] = replace(one, identity=embedded if embedded in known and embedded else one.identity)
    return decide(recorded, living, world)


def compare_with_state(session: Session) -> dict[str, Decision]:
    """The verdict on each declared cluster; requires the lock of the stack. Raises `EngineError` and `FileError`."""
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
    """The faults of cluster names that refer to a wrong cluster."""
    return [decision.fault for decision in decisions.values() if decision.fault]


def recreated(decisions: Mapping[str, Decision]) -> dict[str, str]:
    """The clusters that replaced a recorded cluster, each with a message."""
    return {
        name: f"{name}: this is a different cluster ({decision.now}) from the recorded one ({decision.before}), which "
        "no longer responds: all of its resources are recreated"
        for name, decision in decisions.items()
        if decision.verdict is Verdict.RECREATED
    }


def identities_in(status: Status) -> dict[str, str]:
    """The recorded identity of each cluster of a status; a cluster of an earlier release may have none."""
    return {cluster.name: cluster.identity for cluster in status.clusters if cluster.identity}


def require_one(session: Session, status: Status) -> None:
    """Check the identities for a command that changes clusters.

    Raises `TopologyError` for a name of a wrong cluster, `ClusterError` for a replaced cluster.
    """
    for sentence in recreated(require_recorded(session, identities_in(status))).values():
        raise ClusterError(f"{sentence} by meshfleet up --stack {session.name}; run that first")


def require_recorded(session: Session, recorded: Mapping[str, str]) -> dict[str, Decision]:
    """The verdicts for a command that only reads. Raises `TopologyError` for a name of a wrong cluster."""
    decisions = compare(session, recorded)
    if faults := faults_of(decisions):
        raise TopologyError(faults)
    return decisions


def living_under_state(engine: Engine, names: Iterable[str]) -> dict[str, Living]:
    """The identities of existing clusters with their recorded kubeconfigs. Raises `EngineError`."""
    wanted = list(names)
    accesses = engine.recorded_access(wanted) if wanted else {}
    if not accesses:
        return {}
    prepare_reading()
    with ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="identity") as pool:
        pending = {name: pool.submit(_remote, "", *access) for name, access in accesses.items()}
        return {name: one.result() for name, one in pending.items()}


def foreign_clusters(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """The recorded existing clusters that were replaced by a different cluster, each with a message.

    Nothing may be deleted in these. Raises `EngineError`.
    """
    recorded = identities_of(engine.recorded())
    return {
        name: f"{name}: a different cluster ({found.identity}) has replaced the recorded one ({recorded[name]}): "
        "nothing is deleted in it, and the resources of the recorded one are dropped from the state"
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
    return Living(provider, identity or "", "" if identity else "the cluster has no files on this machine")


def _other_stacks(checkout: Checkout, stack: str) -> dict[str, str]:
    """The clusters of the other stacks in the local backend, by identity."""
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
        # The next command on that stack reports it.
        return {}
