"""Requests reach every cluster in which a workload runs, arrive as who sent them, and are refused to who may not.

200 requests are sent from a pod of each cluster to each workload that its mesh has. Source of what is expected:
https://istio.io/latest/docs/setup/install/multicluster/verify/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshfleet.dataplane.network.place import Place
from meshfleet.errors import VerificationError
from meshfleet.verification.check import Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.locality import nearest
from meshfleet.verification.proxy_check import ProxyCheck
from meshfleet.verification.traffic import Reply, Target, counted, send
from meshfleet.verification.view import ClusterView, FleetView
from meshfleet.verification.workload_view import RunningPod, WorkloadView, ready_pods, service_address

REQUESTS = 200
FEW = 10
"""Enough to see who is let in."""
ANSWER_SECONDS = 3.0
"""For one request; a thousand times what it takes."""
_DENIED = 403


@dataclass(frozen=True)
class Caller:
    """A pod from which requests are sent: the workload it is of, and its network namespace."""

    workload: WorkloadView
    pod: RunningPod
    namespace: str


class TrafficReach(ProxyCheck):
    """Every cluster that runs a workload answers, from every cluster, none is lost, and the caller is known."""

    name = "traffic-reach"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if calls(fleet, cluster))

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        told, holds = [], True
        for workload in known(fleet, cluster):
            caller = _caller(fleet, cluster, workload, patience, allowed=True)
            if caller is None:
                continue
            replies = _ask(cluster, caller, workload, REQUESTS, patience)
            wanted = nearest(fleet, cluster, running(fleet, cluster, workload))
            fault = judge(fleet, cluster, caller.workload, wanted, replies)
            holds = holds and not fault
            told.append(f"{workload.host}: {counted(replies)}{f' ({fault})' if fault else ''}")
        if not told:
            raise VerificationError(f"no pod of {cluster.name} may call anything; see allowedCallers of its workloads")
        return Finding(holds, "; ".join(told))


class TrafficRefused(ProxyCheck):
    """Who is not named by a workload that names its callers is refused, wherever it calls from."""

    name = "traffic-refused"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(
            cluster
            for cluster in fleet.clusters
            if calls(fleet, cluster) and any(_neighbours(cluster, one) for one in known(fleet, cluster))
        )

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        told, holds = [], True
        for workload in known(fleet, cluster):
            caller = _caller(fleet, cluster, workload, patience, allowed=False)
            if caller is None:
                continue
            replies = _ask(cluster, caller, workload, FEW, patience)
            holds = holds and all(one.code == _DENIED for one in replies)
            told.append(f"{workload.host} to {caller.workload.identity}: {counted(replies)}")
        return Finding(holds and bool(told), "; ".join(told) or "no pod is ready that would have to be refused")


def judge(
    fleet: FleetView, cluster: ClusterView, caller: WorkloadView, wanted: Sequence[str], replies: Sequence[Reply]
) -> str:
    """What is wrong with these replies, empty when nothing is. Pure."""
    faults = []
    lost = [one for one in replies if one.code != 200]
    if lost:
        faults.append(f"{len(lost)} of {len(replies)} failed: look at the proxies of the pods and of the gateways")
    answered = {one.cluster for one in replies if one.code == 200}
    if answered != set(wanted) and not (lost and not answered):
        missing = ", ".join(sorted(set(wanted) - answered))
        extra = ", ".join(sorted(answered - set(wanted)))
        faults.append(
            "; ".join(part for part in (missing and f"nothing from {missing}", extra and f"{extra} too") if part)
        )
    identity = f"spiffe://{fleet.mesh(cluster.mesh).trust_domain}/ns/{caller.namespace}/sa/{caller.name}"
    strangers = {one.peer or "nobody" for one in replies if one.code == 200} - {identity}
    if strangers:
        faults.append(f"the caller was taken for {', '.join(sorted(strangers))}, and is {identity}")
    return "; ".join(faults)


def calls(fleet: FleetView, cluster: ClusterView) -> bool:
    """Whether requests can be sent from a cluster: its pods are processes, and one of them is a workload's."""
    return cluster.pods == "processes" and fleet.home is not None and bool(_own(cluster))


def known(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """The workloads that a cluster can call and that tell who answers, by weight and header left to others."""
    return [one for one in cluster.workloads if one.echo and not one.routed and running(fleet, cluster, one)]


def running(fleet: FleetView, cluster: ClusterView, workload: WorkloadView) -> list[ClusterView]:
    """The clusters of the mesh in which a workload has pods."""
    return [
        member
        for member in fleet.mesh_members(cluster.mesh)
        if any(
            one.name == workload.name and one.namespace == workload.namespace and one.replicas
            for one in member.workloads
        )
    ]


def _own(cluster: ClusterView) -> list[WorkloadView]:
    return [one for one in cluster.workloads if one.replicas and one.namespace in cluster.injected_namespaces]


def _neighbours(cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """Those of the cluster's own that a workload does not name among its callers."""
    named = workload.allowed_callers
    return [one for one in _own(cluster) if named and one.identity not in named]


def _caller(
    fleet: FleetView, cluster: ClusterView, workload: WorkloadView, patience: float, *, allowed: bool
) -> Caller | None:
    """A pod of the cluster that may, or may not, call a workload; None where there is none of that kind."""
    refused = _neighbours(cluster, workload)
    wanted = [one for one in _own(cluster) if one not in refused] if allowed else refused
    if not wanted or fleet.home is None:
        return None
    place = Place.of(fleet.workspace())
    with reach(cluster, patience) as client:
        for one in wanted:
            for pod in ready_pods(client, one):
                return Caller(one, pod, place.pod(cluster.name, pod.uid))
    raise VerificationError(
        f"no pod of {', '.join(one.identity for one in wanted)} in {cluster.name} is ready; see kubectl get pods"
    )


def _ask(cluster: ClusterView, caller: Caller, workload: WorkloadView, count: int, patience: float) -> list[Reply]:
    with reach(cluster, patience) as client:
        address = service_address(client, workload)
    return send(caller.namespace, Target(address, workload.port, workload.host), count, ANSWER_SECONDS)
