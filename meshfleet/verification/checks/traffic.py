"""Requests reach every cluster that runs a workload, with the identity of the caller; unauthorized requests are denied.

200 requests are sent from a pod of each cluster to each workload of its mesh. Source of the expected result:
https://istio.io/latest/docs/setup/install/multicluster/verify/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshfleet.dataplane.network.place import Place
from meshfleet.errors import VerificationError
from meshfleet.verification.check import Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.locality import is_cluster_local, nearest
from meshfleet.verification.proxy_check import ProxyCheck
from meshfleet.verification.traffic import Reply, Target, send, summarize
from meshfleet.verification.view import ClusterView, FleetView
from meshfleet.verification.workload_view import RunningPod, WorkloadView, ready_pods, service_address

REQUESTS = 200
FEW = 10
"""Enough to verify authorization."""
ANSWER_SECONDS = 3.0
"""Timeout of one request; a thousand times its usual duration."""
_DENIED = 403


@dataclass(frozen=True)
class Caller:
    """A pod that sends requests: its workload and its network namespace."""

    workload: WorkloadView
    pod: RunningPod
    namespace: str


class TrafficReach(ProxyCheck):
    """Every discovered cluster that runs a workload responds, without failures, and sees the identity of the caller."""

    name = "traffic-reach"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if calls(fleet, cluster) and known(fleet, cluster))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        lines, passed = [], True
        for workload in known(fleet, cluster):
            caller = _caller(fleet, cluster, workload, timeout, allowed=True)
            if caller is None:
                continue
            replies = _send(cluster, caller, workload, REQUESTS, timeout)
            wanted = nearest(fleet, cluster, running(fleet, cluster, workload))
            fault = judge(fleet, cluster, caller.workload, wanted, replies)
            passed = passed and not fault
            lines.append(f"{workload.host}: {summarize(replies)}{f' ({fault})' if fault else ''}")
        if not lines:
            raise VerificationError(
                f"no pod of {cluster.name} may call a workload; check allowedCallers and exportTo of its workloads"
            )
        return Finding(passed, "; ".join(lines))


class TrafficRefused(ProxyCheck):
    """A workload with allowedCallers denies other callers, from every cluster."""

    name = "traffic-refused"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(
            cluster
            for cluster in fleet.clusters
            if calls(fleet, cluster) and any(_denied_callers(cluster, one) for one in known(fleet, cluster))
        )

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        lines, passed = [], True
        for workload in known(fleet, cluster):
            caller = _caller(fleet, cluster, workload, timeout, allowed=False)
            if caller is None:
                continue
            replies = _send(cluster, caller, workload, FEW, timeout)
            passed = passed and all(one.code == _DENIED for one in replies)
            lines.append(f"{workload.host} to {caller.workload.identity}: {summarize(replies)}")
        return Finding(passed and bool(lines), "; ".join(lines) or "no pod is ready whose requests would be denied")


def judge(
    fleet: FleetView, cluster: ClusterView, caller: WorkloadView, wanted: Sequence[str], replies: Sequence[Reply]
) -> str:
    """The faults of these replies, empty without a fault. Pure."""
    faults = []
    lost = [one for one in replies if one.code != 200]
    if lost:
        faults.append(f"{len(lost)} of {len(replies)} failed: check the proxies of the pods and of the gateways")
    answered = {one.cluster for one in replies if one.code == 200}
    if answered != set(wanted) and not (lost and not answered):
        missing = ", ".join(sorted(set(wanted) - answered))
        extra = ", ".join(sorted(answered - set(wanted)))
        faults.append(
            "; ".join(
                part
                for part in (missing and f"no response from {missing}", extra and f"unexpected response from {extra}")
                if part
            )
        )
    identity = f"spiffe://{fleet.mesh(cluster.mesh).trust_domain}/ns/{caller.namespace}/sa/{caller.name}"
    unexpected = {one.peer or "unknown" for one in replies if one.code == 200} - {identity}
    if unexpected:
        faults.append(f"the caller was identified as {', '.join(sorted(unexpected))}, expected {identity}")
    return "; ".join(faults)


def calls(fleet: FleetView, cluster: ClusterView) -> bool:
    """Whether requests can be sent from a cluster: its pods are processes, and it runs a workload."""
    return cluster.pods == "processes" and fleet.home is not None and bool(_own(cluster))


def known(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """The echo workloads that a cluster can call, except those that are routed by weight or header."""
    return [
        one
        for one in cluster.workloads
        if one.echo
        and not one.routed
        and running(fleet, cluster, one)
        and any(one.is_known_in(caller.namespace) for caller in _own(cluster))
    ]


def running(fleet: FleetView, cluster: ClusterView, workload: WorkloadView) -> list[ClusterView]:
    """The clusters whose pods of a workload `cluster` can call: those it discovers, itself if that is cluster-local."""
    local = is_cluster_local(fleet, cluster.mesh, workload.host)
    return [
        member
        for member in fleet.discovered_from(cluster)
        if (member.name == cluster.name or not local)
        and any(
            one.name == workload.name and one.namespace == workload.namespace and one.replicas
            for one in member.workloads
        )
    ]


def _own(cluster: ClusterView) -> list[WorkloadView]:
    return [one for one in cluster.workloads if one.replicas and one.namespace in cluster.injected_namespaces]


def _callers(cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """The workloads of the cluster whose proxies know a workload."""
    return [one for one in _own(cluster) if workload.is_known_in(one.namespace)]


def _denied_callers(cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """The workloads of the cluster that are not among the allowed callers of a workload."""
    named = workload.allowed_callers
    return [one for one in _callers(cluster, workload) if named and one.identity not in named]


def _caller(
    fleet: FleetView, cluster: ClusterView, workload: WorkloadView, timeout: float, *, allowed: bool
) -> Caller | None:
    """A pod of the cluster that is allowed, or not allowed, to call a workload; None if there is none."""
    denied = _denied_callers(cluster, workload)
    wanted = [one for one in _callers(cluster, workload) if (one in denied) != allowed]
    if not wanted or fleet.home is None:
        return None
    place = Place.of(fleet.workspace())
    with reach(cluster, timeout) as client:
        for one in wanted:
            for pod in ready_pods(client, one):
                return Caller(one, pod, place.pod(cluster.name, pod.uid))
    raise VerificationError(
        f"no pod of {', '.join(one.identity for one in wanted)} in {cluster.name} is ready; see kubectl get pods"
    )


def _send(cluster: ClusterView, caller: Caller, workload: WorkloadView, count: int, timeout: float) -> list[Reply]:
    with reach(cluster, timeout) as client:
        address = service_address(client, workload)
    return send(caller.namespace, Target(address, workload.port, workload.host), count, ANSWER_SECONDS)
