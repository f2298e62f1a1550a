"""How the propagated objects of a fleet fare: every cluster is asked at once, each within a bound.

A cluster that does not respond gives its rows the word `unknown` and the reason; the others are complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from meshfleet.errors import MeshfleetError
from meshfleet.federation.health import Health, Word, health
from meshfleet.federation.propagated import propagations
from meshfleet.federation.status_rows import health_rows
from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.manifests.propagated_mark import mark_of
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import ObjectKey, key_of

if TYPE_CHECKING:
    from meshfleet.kube.releases.server import JsonObject
    from meshfleet.manifests.objects import Object
    from meshfleet.status import Status
    from meshfleet.verification.view import ClusterView, FleetView

SECONDS: Final = 10.0
"""How long a cluster may take for one answer."""
_WORKERS: Final = 16
Rows = dict[ObjectKey, Health]


def with_health(status: Status, fleet: Fleet, view: FleetView) -> Status:
    """The status with how each propagated object fares that the stack file places."""
    from meshfleet.status import read_status

    rows = health_rows(fleet, ask(fleet, view, list(dict.fromkeys(_clusters(fleet)))))
    return read_status(status.document() | {"propagations": rows})


def ask(fleet: Fleet, view: FleetView, clusters: list[str], seconds: float = SECONDS) -> dict[str, Rows]:
    """How the propagated objects of these clusters fare, each by what it is known by."""
    known = {cluster.name: cluster for cluster in view.clusters}
    with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="federation") as pool:
        answers = {
            name: pool.submit(_of_cluster, propagated_documents(fleet, name), known.get(name), seconds)
            for name in clusters
        }
        return {name: answer.result() for name, answer in answers.items()}


def _clusters(fleet: Fleet) -> list[str]:
    return [cluster for one in propagations(fleet).objects for cluster in one.copies]


def _of_cluster(declared: Mapping[str, Object], cluster: ClusterView | None, seconds: float) -> Rows:
    keys = [key_of(body) for body in declared.values()]
    if cluster is None:
        return dict.fromkeys(keys, Health(Word.PENDING, "the cluster is not deployed; run meshfleet up"))
    from meshfleet.kube.live_objects import live
    from meshfleet.verification.cluster_api import reach_objects

    runs_pods = not cluster.pods.startswith("simulated")
    found: Rows = {}
    try:
        with reach_objects(cluster, seconds) as server:
            for key, body in zip(keys, declared.values(), strict=True):
                found[key] = judged(body, live(server, body), runs_pods=runs_pods)
    except MeshfleetError as error:
        # What it has answered before is as good as ever.
        return dict.fromkeys(keys, Health(Word.UNKNOWN, str(error))) | found
    return found


def judged(declared: Object, there: JsonObject | None, *, runs_pods: bool) -> Health:
    """How an object fares by what its cluster has of it. Pure."""
    if there is None:
        return Health(Word.PENDING, "it is not there; run meshfleet up")
    mark, wanted = mark_of(there), mark_of(declared)
    if wanted is not None and (mark is None or mark.stack != wanted.stack):
        whose = "of no stack" if mark is None else f"of the stack {mark.stack}"
        return Health(Word.PENDING, f"what is there is {whose}; meshfleet up says how to take it over or leave it")
    if wanted is None or mark is None or (mark.stack, mark.content) != (wanted.stack, wanted.content):
        return Health(Word.PENDING, "what is there is not what is declared; run meshfleet up")
    return health({**there, "apiVersion": declared["apiVersion"], "kind": declared["kind"]}, runs_pods=runs_pods)
