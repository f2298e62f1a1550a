"""What the running fleet says of itself: status, checks, drift, events, istiods and what they send to proxies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from meshfleet.automation.support_bundle.subject import Subject
from meshfleet.errors import MeshfleetError
from meshfleet.kube.loading import load_lightkube

if TYPE_CHECKING:
    from meshfleet.verification import ClusterView, FleetView

PAGES: Final = ("syncz", "clusterz", "networkz", "endpointShardz", "registryz", "mesh", "configz")
"""Pages of istiod's debug API, in pilot/pkg/xds/debug.go of istio/istio."""
PROXIES: Final = 50
"""Proxies of one istiod whose configuration is collected."""

Members = Iterator[tuple[str, object]]


def parts(subject: Subject, seconds: float) -> dict[str, Callable[[], Members]]:
    """The parts by name; those of one cluster or istiod fail for themselves."""
    return {
        "status": partial(_status, subject),
        "verify": partial(_verify, subject, seconds),
        "drift": partial(_drift, subject),
        "clusters": partial(_clusters, subject, seconds),
    }


def _clusters(subject: Subject, seconds: float) -> Members:
    """A part for each cluster and each page of each istiod, since each may fail for itself."""
    for cluster in subject.view.clusters:
        yield f"clusters/{cluster.name}", partial(_events, cluster, seconds)
    for cluster in subject.view.istiods():
        folder = f"istiods/{cluster.name}.{cluster.control_plane.revision}"
        for page in PAGES:
            yield f"{folder}/{page}", partial(_page, subject.view, cluster, folder, page, seconds)
        yield f"{folder}/proxies", partial(_proxies, subject.view, cluster, folder, seconds)
        if not cluster.control_plane.debug_url:
            # That of a process on this machine is among the logs.
            yield f"{folder}/log", partial(_log, subject.view, cluster, folder, seconds)


def _status(subject: Subject) -> Members:
    yield "status.json", subject.status.document()


def _verify(subject: Subject, seconds: float) -> Members:
    from meshfleet.verification import run

    yield "verify.json", run(subject.view, timeout=seconds).as_json()


def _drift(subject: Subject) -> Members:
    session = subject.session
    with session.working("collect"):
        record, unread = session.compare(f"drift {subject.stack}")
    yield "drift.json", {"drift": [*(str(change) for change in record.changes), *unread]}


def _events(cluster: ClusterView, seconds: float) -> Members:
    load_lightkube()
    from lightkube.resources.core_v1 import Event, Pod

    from meshfleet.verification.cluster_api import reach

    with reach(cluster, seconds) as client:
        events = [
            {
                "last": str(event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp),
                "type": event.type,
                "reason": event.reason,
                "object": f"{event.involvedObject.kind} {event.involvedObject.namespace}/{event.involvedObject.name}",
                "message": event.message,
                "count": event.count,
            }
            for event in client.list(Event, namespace="*")
            if event.metadata
        ]
        yield f"clusters/{cluster.name}/events.json", sorted(events, key=lambda event: str(event["last"]))
        # Of pods neither their environment nor their arguments.
        pods = [
            {
                "pod": f"{pod.metadata.namespace}/{pod.metadata.name}",
                "phase": pod.status.phase if pod.status else None,
                "conditions": [
                    {"type": one.type, "status": one.status, "reason": one.reason, "message": one.message}
                    for one in (pod.status.conditions if pod.status else None) or ()
                ],
            }
            for pod in client.list(Pod, namespace="*")
            if pod.metadata
        ]
        yield f"clusters/{cluster.name}/pods.json", pods


def _page(fleet: FleetView, cluster: ClusterView, folder: str, page: str, seconds: float) -> Members:
    """The page of each istiod, with the name of its pod where it is one."""
    from meshfleet.verification.access import istiod_access

    for answer in istiod_access(fleet, cluster).pages(page, seconds):
        yield "/".join(filter(None, (folder, answer.istiod, f"{page}.json"))), answer.value


def _log(fleet: FleetView, cluster: ClusterView, folder: str, seconds: float) -> Members:
    from meshfleet.verification.access import istiod_access

    if text := istiod_access(fleet, cluster).log(seconds):
        yield f"{folder}/istiod.log", text


def _proxies(fleet: FleetView, cluster: ClusterView, folder: str, seconds: float) -> Members:
    """What istiod sends to each proxy; without the secrets that SDS serves."""
    from meshfleet.verification.access import istiod_access
    from meshfleet.verification.istiod import connected_proxies

    access = istiod_access(fleet, cluster)
    left_out: dict[str, str] = {}
    served = {
        proxy.name: answer.istiod
        for answer in access.pages("syncz", seconds)
        for proxy in connected_proxies(answer.value)
    }
    proxies = sorted(served)
    for proxy in proxies[:PROXIES]:
        try:
            (dump,) = access.pages(f"config_dump?proxyID={proxy}", seconds, only=served[proxy])
        except MeshfleetError as error:
            left_out[proxy] = str(error)
            continue
        yield f"{folder}/proxies/{proxy}.json", dump.value
    left_out |= dict.fromkeys(proxies[PROXIES:], f"only {PROXIES} are collected")
    if left_out:
        yield f"{folder}/proxies/missing.json", json.dumps(left_out, indent=2)
