"""Requests reach every cluster that runs a workload, with the identity of the caller; unauthorized requests are denied.

200 requests are sent from a pod of each cluster to each workload of its mesh. Source of the expected result:
https://istio.io/latest/docs/setup/install/multicluster/verify/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshfleet.errors import VerificationError
from meshfleet.verification.access import pod_access
from meshfleet.verification.check import Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.locality import is_cluster_local, nearest
from meshfleet.verification.proxy_check import ProxyCheck
from meshfleet.verification.traffic import Reply, Target, summarize
from meshfleet.verification.view import ClusterView, FleetView
from meshfleet.verification.workload_view import RunningPod, WorkloadView, ready_pods, service_address

REQUESTS = 200
FEW = 10
"""Enough to verify authorization."""
_DENIED = 403


@dataclass(frozen=True)
class Caller:
    """A pod that sends requests, and its workload."""

    workload: WorkloadView
    pod: RunningPod


class TrafficCheck(ProxyCheck):
    """A check that sends requests from pods: skipped, with the reason, where no pod can send any."""

    def skipped(self, fleet: FleetView) -> Mapping[str, str]:
        """The clusters whose pods are simulated, and those whose pods have no client to send requests with."""
        without = [one for one in fleet.clusters if has_no_client(fleet, one) and self.applies(fleet, one)]
        return {**super().skipped(fleet), **{one.name: NO_CLIENT for one in without}}

    def applies(self, fleet: FleetView, cluster: ClusterView) -> bool:
        """Whether the stack declares what the check verifies, for a cluster whose pods could send requests."""
        return any(one.echo for one in cluster.workloads)


class TrafficReach(TrafficCheck):
    """Every discovered cluster that runs a workload responds, without failures, and sees the identity of the caller."""

    name = "traffic-reach"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if _callable(fleet, one))

    def skipped(self, fleet: FleetView) -> Mapping[str, str]:
        found = {one.name: _why_none(fleet, one) for one in fleet.clusters if calls(fleet, one)}
        return {**super().skipped(fleet), **{name: reason for name, reason in found.items() if reason}}

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        lines, passed = [], True
        for workload in _callable(fleet, cluster):
            caller = _caller(fleet, cluster, workload, timeout, allowed=True)
            replies = _send(fleet, cluster, caller, workload, REQUESTS, timeout)
            wanted = nearest(fleet, cluster, running(fleet, cluster, workload))
            fault = judge(fleet, cluster, caller.workload, wanted, replies)
            passed = passed and not fault
            lines.append(f"{workload.host}: {summarize(replies)}{f' ({fault})' if fault else ''}")
        return Finding(passed and bool(lines), "; ".join(lines) or "no workload can be called")


class TrafficRefused(TrafficCheck):
    """A workload with allowedCallers denies other callers, from every cluster."""

    name = "traffic-refused"

    def applies(self, fleet: FleetView, cluster: ClusterView) -> bool:
        return any(one.echo and one.allowed_callers for one in cluster.workloads)

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(
            cluster
            for cluster in fleet.clusters
            if calls(fleet, cluster) and any(_denied_callers(fleet, cluster, one) for one in known(fleet, cluster))
        )

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        lines, passed = [], True
        for workload in known(fleet, cluster):
            if not _denied_callers(fleet, cluster, workload):
                continue
            caller = _caller(fleet, cluster, workload, timeout, allowed=False)
            replies = _send(fleet, cluster, caller, workload, FEW, timeout)
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


NO_CLIENT = (
    "none of its pods in the mesh has Istio's echo image, whose client sends the requests; declare a workload without "
    "an image in a namespace with injection"
)


def calls(fleet: FleetView, cluster: ClusterView) -> bool:
    """Whether requests can be sent from a cluster: its pods run, and one of its workloads can send requests."""
    return bool(senders(fleet, cluster))


def senders(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """The workloads of a cluster in the mesh whose pods can send requests."""
    access = pod_access(fleet, cluster)
    return [one for one in _own(cluster) if access.can_send(one)]


def has_no_client(fleet: FleetView, cluster: ClusterView) -> bool:
    """Whether a cluster runs pods in the mesh, and none of them can send requests."""
    return cluster.pods == "real" and bool(_own(cluster)) and not senders(fleet, cluster)


def known(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """The echo workloads that a cluster can call, except those that are routed by weight or header."""
    return [one for one in _known(fleet, cluster) if not one.routed]


def _known(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """The echo workloads whose name resolves for a sender of a cluster, and which run in a cluster it discovers."""
    callers = senders(fleet, cluster)
    return [
        one
        for one in cluster.workloads
        if one.echo and running(fleet, cluster, one) and any(one.is_known_in(caller.namespace) for caller in callers)
    ]


def _callable(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    """Those of `known` that some sender of the cluster may call."""
    return [one for one in known(fleet, cluster) if _allowed_callers(fleet, cluster, one)]


def _why_none(fleet: FleetView, cluster: ClusterView) -> str:
    """Why no workload can be called from a cluster although it knows some; empty if one can, or it knows none."""
    declared = _known(fleet, cluster)
    if not declared or _callable(fleet, cluster):
        return ""
    if all(one.routed for one in declared):
        return "all workloads that it can call are routed by weight or header, so their clusters do not all respond"
    return "no pod of it may call a workload; allowedCallers of all that are not routed by weight or header exclude it"


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


def _callers(fleet: FleetView, cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """The senders of the cluster whose proxies know a workload."""
    return [one for one in senders(fleet, cluster) if workload.is_known_in(one.namespace)]


def _denied_callers(fleet: FleetView, cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """The senders of the cluster that are not among the allowed callers of a workload."""
    named = workload.allowed_callers
    return [one for one in _callers(fleet, cluster, workload) if named and one.identity not in named]


def _allowed_callers(fleet: FleetView, cluster: ClusterView, workload: WorkloadView) -> list[WorkloadView]:
    """The other senders of the cluster."""
    denied = _denied_callers(fleet, cluster, workload)
    return [one for one in _callers(fleet, cluster, workload) if one not in denied]


def _caller(fleet: FleetView, cluster: ClusterView, workload: WorkloadView, timeout: float, *, allowed: bool) -> Caller:
    """A ready pod of the cluster that is allowed, or not allowed, to call a workload. Raises VerificationError."""
    wanted = (_allowed_callers if allowed else _denied_callers)(fleet, cluster, workload)
    with reach(cluster, timeout) as client:
        for one in wanted:
            for pod in ready_pods(client, one):
                return Caller(one, pod)
    raise VerificationError(
        f"no pod of {', '.join(one.identity for one in wanted)} in {cluster.name} is ready; see kubectl get pods"
    )


def _send(
    fleet: FleetView, cluster: ClusterView, caller: Caller, workload: WorkloadView, count: int, timeout: float
) -> list[Reply]:
    with reach(cluster, timeout) as client:
        address = service_address(client, workload)
    target = Target(address, workload.port, workload.host)
    return pod_access(fleet, cluster).send(caller.pod, target, count, timeout)
