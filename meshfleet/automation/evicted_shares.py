"""What `up` and `status` say of shares that are elsewhere for now, and what stays in clusters that do not respond.

`up` keeps every eviction: only `reconcile` moves shares, and takes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from meshfleet.automation.identities import READERS
from meshfleet.automation.state.recorded_state import belonging_to
from meshfleet.errors import ClusterError, RefusedError
from meshfleet.federation.propagated import propagations
from meshfleet.kube.identity import prepare_reading, read_identity
from meshfleet.manifests.propagations import PREFIX, document_name
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.automation.session import Session

_SERVER_FAULT = 500


def lines_of(fleet: Fleet) -> Iterator[str]:
    """A line for each share that is elsewhere: which, since when, and what brings it back; one for a move under way."""
    if fleet.evictions_before is not None:
        yield "a move of shares is not complete, so both placements are held; meshfleet reconcile completes it"
    for name, clusters in fleet.evictions.items():
        for cluster, since in clusters.items():
            failover = fleet.propagations[name].failover
            back = f"after {failover.recover_seconds} s" if failover and failover.recover_seconds is not None else ""
            how = (
                f"{back} of answers by meshfleet reconcile" if back else f"with meshfleet reconcile --recover {cluster}"
            )
            yield f"{name}: its share of {cluster} is elsewhere, no response since {since}; it comes back {how}"


def answering(accesses: Mapping[str, tuple[str, str | None]]) -> dict[str, bool]:
    """Whether the API server of each cluster responds, each asked once and within a bound; by kubeconfig and context.

    A server that refuses the question is there all the same; one that cannot serve it is not.
    """
    if not accesses:
        return {}
    prepare_reading()
    with ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="look") as pool:
        pending = {name: pool.submit(_answers, *access) for name, access in accesses.items()}
        return {name: one.result() for name, one in pending.items()}


def out_of_reach(session: Session) -> dict[str, list[str]]:
    """The URNs of what is elsewhere by now, in clusters that do not respond, by cluster. Requires the stack's lock.

    It is left alone, and removed by a run that finds the cluster again. A cluster on this machine is started by `up`.
    """
    fleet = session.topology
    evicted = {cluster for clusters in fleet.evictions.values() for cluster in clusters}
    asked = {
        name: (session.kubeconfigs[name].content, named.context)
        for name in evicted
        if name in session.kubeconfigs and (named := fleet.clusters[name].capabilities.context)
    }
    silent = [name for name, answers in answering(asked).items() if not answers]
    return {name: found for name in silent if (found := [*left_in(session, fleet, name)])}


def left_in(session: Session, fleet: Fleet, cluster: str) -> Iterator[str]:
    """The URNs of recorded objects of propagations that a cluster is not to have any more."""
    wanted = {f"{cluster}/{document_name(one.propagation, one.key)}" for one in propagations(fleet).of(cluster)}
    for urn in sorted(belonging_to(session.engine.recorded(), cluster)):
        name = urn.rpartition("::")[2]
        if name.startswith(f"{cluster}/{PREFIX}") and name not in wanted:
            yield urn


def pending_lines(found: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """A line for each cluster, with what stays in it until it responds."""
    for cluster, urns in found.items():
        names = [urn.rpartition("::")[2].partition("/")[2] for urn in urns]
        yield f"{cluster}: does not respond; {', '.join(names)} stay there and are removed when it responds again"


def _answers(kubeconfig: str, context: str | None) -> bool:
    try:
        read_identity(kubeconfig, context)
    except RefusedError as error:
        return error.code < _SERVER_FAULT
    except ClusterError:
        return False
    return True
