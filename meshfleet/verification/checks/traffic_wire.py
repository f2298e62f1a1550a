"""Traffic between networks is TLS and goes to gateways; strict mutual TLS rejects plaintext requests.

Sources: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models and
https://istio.io/latest/docs/tasks/security/authentication/mtls-migration/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meshfleet.dataplane.network.capture import Capture, capturing
from meshfleet.dataplane.network.place import Place
from meshfleet.errors import VerificationError
from meshfleet.verification.access import pod_access
from meshfleet.verification.access.envoy_admin import Upstream
from meshfleet.verification.check import Finding
from meshfleet.verification.checks.network_gateways import is_address
from meshfleet.verification.checks.traffic import FEW, TrafficCheck, known, running, senders
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.not_allowed import NotAllowedError
from meshfleet.verification.traffic import Target, summarize
from meshfleet.verification.view import ClusterView, FleetView
from meshfleet.verification.workload_view import WorkloadView, ready_pods, service_address

_HTTP = 8080
# Ports of istiod behind a gateway that exposes it: discovery and certificates, and webhooks.
_CONTROL_PORTS = (15012, 15017)


class TrafficWire(TrafficCheck):
    """Where the traffic between networks goes while a pod of one cluster calls every workload of its mesh.

    Packets are captured on this machine; where pods run on nodes, the proxy of the calling pod reports its connections.
    """

    name = "traffic-wire"

    def applies(self, fleet: FleetView, cluster: ClusterView) -> bool:
        networks = {member.network for member in fleet.discovered_from(cluster)}
        return super().applies(fleet, cluster) and len(networks) > 1

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if _crosses(fleet, one))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        access = pod_access(fleet, cluster)
        with reach(cluster, timeout) as client:
            workloads = known(fleet, cluster)
            targets = [(one, Target(service_address(client, one), one.port, one.host)) for one in workloads]
            able = [one for one in workloads if access.can_send(one)]
            pods = {one.namespace: pod for one in reversed(able) for pod in reversed(ready_pods(client, one))}
        if not pods:
            raise VerificationError(f"no pod of a workload is ready in {cluster.name}; see kubectl get pods")
        # A caller in any namespace whose proxies know a workload: others would not send it through the mesh.
        calls = [
            (workload, target, pod)
            for workload, target in targets
            for pod in [next((pod for namespace, pod in pods.items() if workload.is_known_in(namespace)), None)]
            if pod
        ]
        if access.captures:
            with capturing(Place.of(fleet.workspace())) as capture:
                for _, target, pod in calls:
                    access.send(pod, target, FEW, timeout)
            return judge(capture, gateways(fleet))
        if named := [
            one.gateway.address for one in fleet.clusters if one.gateway and not is_address(one.gateway.address)
        ]:
            raise NotAllowedError(
                f"the gateway {named[0]} has a host name, and proxies send requests to addresses that istiod resolves"
            )
        used: dict[Upstream, int] = {}
        for workload, target, pod in calls:
            before = {(one.address, one.port): one.requests for one in access.upstreams(pod, target, timeout)}
            access.send(pod, target, FEW, timeout)
            inside = _addresses(fleet, cluster, workload, timeout)
            for one in access.upstreams(pod, target, timeout):
                sent = one.requests - before.get((one.address, one.port), 0)
                if sent > 0 and one.address not in inside:
                    used[replace(one, requests=0)] = used.get(replace(one, requests=0), 0) + sent
        return judge_upstreams(used, gateways(fleet))


class TrafficPlaintext(TrafficCheck):
    """Calls a pod from outside of the mesh without TLS, where the mesh requires mutual TLS."""

    name = "traffic-plaintext"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if is_strict(fleet, one.mesh) and _echo(fleet, one))

    def applies(self, fleet: FleetView, cluster: ClusterView) -> bool:
        return is_strict(fleet, cluster.mesh)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            pods = [pod for one in _echo(fleet, cluster) for pod in ready_pods(client, one)]
        if not pods:
            raise VerificationError(f"no pod of a workload is ready in {cluster.name}; see kubectl get pods")
        replies = pod_access(fleet, cluster).send_without_proxy(pods[0], _HTTP, FEW, timeout)
        refused = all(one.code == 0 for one in replies)
        line = f"{pods[0].name} without TLS: {summarize(replies)}"
        return Finding(refused, line if refused else f"{line}; the mesh requires mutual TLS: check PeerAuthentications")


def _echo(fleet: FleetView, cluster: ClusterView) -> list[WorkloadView]:
    return [one for one in senders(fleet, cluster) if one.echo]


def _addresses(fleet: FleetView, cluster: ClusterView, workload: WorkloadView, timeout: float) -> set[str]:
    """The addresses of the pods of a workload on the network of a cluster."""
    found = set()
    for member in running(fleet, cluster, workload):
        if member.network == cluster.network:
            with reach(member, timeout) as client:
                found |= {pod.address for pod in ready_pods(client, workload)}
    return found


def _crosses(fleet: FleetView, cluster: ClusterView) -> bool:
    """Whether a workload that a cluster can call runs on another network."""
    return any(
        member.network != cluster.network for one in known(fleet, cluster) for member in running(fleet, cluster, one)
    )


def judge(capture: Capture, allowed: Mapping[tuple[str, int], str]) -> Finding:
    """Whether all captured traffic is TLS to `allowed`, address and port → cluster of that gateway. Pure."""
    connections = capture.connections()
    other = [f"{address}:{port}" for address, port in connections if (address, port) not in allowed]
    plain = [f"{address}:{port}" for (address, port), begun in connections.items() if not all(begun)]
    seen = ", ".join(
        f"{allowed.get(end, 'unknown')} {end[0]}:{end[1]} {len(begun)}" for end, begun in sorted(connections.items())
    )
    faults = [
        *([f"not to a gateway: {', '.join(other)}"] if other else []),
        *([f"not TLS: {', '.join(plain)}"] if plain else []),
        *([f"not TCP: {', '.join(sorted(capture.others))}"] if capture.others else []),
    ]
    line = f"{capture.packets} packets between networks, new connections: {seen or 'none'}"
    return Finding(not faults, f"{'; '.join(faults)}; {line}" if faults else line)


def judge_upstreams(used: Mapping[Upstream, int], allowed: Mapping[tuple[str, int], str]) -> Finding:
    """Whether all requests that left the network went by TLS to `allowed`, by the proxy that sent them. Pure."""
    ends = {one: f"{allowed.get((one.address, one.port), 'unknown')} {one.address}:{one.port}" for one in used}
    other = [f"{one.address}:{one.port}" for one in used if (one.address, one.port) not in allowed]
    plain = [f"{one.address}:{one.port}" for one in used if not one.tls]
    faults = [
        *([f"not to a gateway: {', '.join(sorted(other))}"] if other else []),
        *([f"not TLS: {', '.join(sorted(plain))}"] if plain else []),
    ]
    seen = ", ".join(f"{ends[one]} {count}" for one, count in sorted(used.items()))
    line = f"requests to other networks, as the proxy that sent them reports: {seen or 'none'}"
    return Finding(not faults, f"{'; '.join(faults)}; {line}" if faults else line)


def gateways(fleet: FleetView) -> dict[tuple[str, int], str]:
    """The allowed targets of traffic between networks: address and ports of each gateway → its cluster, or network.

    A gateway that the stack declares has no cluster.
    """
    found = {(one.address, one.port): one.network for mesh in fleet.meshes for one in mesh.network_gateways}
    for cluster in fleet.clusters:
        if gateway := cluster.gateway:
            places = [(gateway.address, port) for port in (gateway.port, gateway.istiod_port, *_CONTROL_PORTS)]
            places += [(one.address, port) for one in gateway.advertised for port in (one.port, one.istiod_port)]
            found |= dict.fromkeys(places, cluster.name)
    return found


def is_strict(fleet: FleetView, mesh: str) -> bool:
    """Whether a mesh requires mutual TLS."""
    return any(
        one.kind == "PeerAuthentication" and one.spec.get("mtls", {}).get("mode") == "STRICT"
        for one in fleet.mesh(mesh).objects
    )
