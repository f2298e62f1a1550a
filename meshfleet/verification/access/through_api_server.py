"""Pods on the nodes of a cluster, reached through its API server with the kubeconfig of the stack.

The debug API of istiod answers without credentials only to its own pod, so it is read by a command in that pod, as
istioctl does. Requests are sent by the client in pods of the echo workload. What is not a pod's business to send,
clear text from outside of the mesh, is sent by the API server itself.

Sources: pilot/cmd/pilot-discovery/app/request.go, pilot/pkg/xds/debug.go (allowAuthenticatedOrLocalhost) and
pkg/test/echo/cmd/client of istio/istio
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from lightkube.resources.core_v1 import Pod

from meshfleet.errors import ClusterError, MeshfleetError, RefusedError, VerificationError
from meshfleet.files.json_text import parse_json
from meshfleet.kube.exec_stream import Executed
from meshfleet.kube.pod_requests import Container, PodRequests
from meshfleet.redaction.shown import one_line
from meshfleet.verification.access import echo_client, envoy_admin
from meshfleet.verification.access.base import Answer
from meshfleet.verification.access.envoy_admin import Upstream
from meshfleet.verification.cluster_api import reach, reach_pods
from meshfleet.verification.not_allowed import NotAllowedError
from meshfleet.verification.pods import is_ready, not_ended
from meshfleet.verification.traffic import ANSWER_SECONDS, AT_ONCE, ENOUGH, Reply, Target
from meshfleet.verification.view import ClusterView, ControlPlaneView
from meshfleet.verification.workload_view import RunningPod, WorkloadView

DISCOVERY: Final = "discovery"
"""The container of istiod in its pod. manifests/charts/istio-control/istio-discovery"""
ECHO: Final = "echo"
"""The container of the echo server in a pod of the fleet (meshfleet/manifests/workloads.py)."""
PROXY: Final = "istio-proxy"
HEALTH_PORT, HEALTH_PATH = 15021, "/healthz/ready"
"""Where a sidecar answers probes in clear text, whatever the mesh demands of other ports."""

_LOG_LIMIT: Final = 256 * 1024
_SHOWN: Final = 300
# What a cluster does not offer at all: a proxy that lets no upgrade through, a kubelet without exec.
_NOT_OFFERED: Final = (403, 405, 501)
_NO_UPGRADE: Final = ("upgrade request required", "unable to upgrade", "upgrade required")
_NO_PROGRAM: Final = ("executable file not found", "no such file or directory")
# How a pod that accepts only mutual TLS ends a connection in clear text, in the words of the API server.
_ENDED_BY_POD: Final = ("connection reset by peer", "EOF", "broken pipe")


class IstiodPods:
    """The pods of one revision of istiod in the cluster that runs them."""

    def __init__(self, host: ClusterView, plane: ControlPlaneView) -> None:
        self._host = host
        self._plane = plane

    def pages(self, page: str, timeout: float, only: str = "") -> tuple[Answer, ...]:
        """The page of every ready pod or of `only` the named one, read by a command in it.

        Raises NotAllowedError where the cluster does not allow that, VerificationError when no pod is ready or the
        answer is not JSON.
        """
        deadline = time.monotonic() + timeout
        pods = [only] if only else self._pods(timeout)
        if not pods:
            raise VerificationError(
                f"no pod of istiod {self._plane.revision} in namespace {self._plane.namespace} of {self._host.name} is "
                f"ready; see kubectl get pods --namespace {self._plane.namespace}"
            )
        return tuple(self._page(pod, page, max(1.0, deadline - time.monotonic())) for pod in pods)

    def log(self, timeout: float) -> str:
        """The ends of the logs of all ready pods."""
        found = []
        try:
            for pod in self._pods(timeout):
                with reach_pods(self._host, timeout) as requests:
                    container = Container(self._plane.namespace, pod, DISCOVERY)
                    found.append(requests.log(container, limit=_LOG_LIMIT))
        except MeshfleetError:
            return "\n".join(found)
        return "\n".join(found)

    def _pods(self, timeout: float) -> list[str]:
        labels: dict[str, Any] = {"app": "istiod", "istio.io/rev": self._plane.revision}
        with _allowed(self._host, "list pods"), reach(self._host, timeout) as client:
            pods = not_ended(client.list(Pod, namespace=self._plane.namespace, labels=labels))
            ready = [pod for pod in pods if is_ready(pod) and pod.metadata and not pod.metadata.deletionTimestamp]
        return sorted(str(pod.metadata.name) for pod in ready if pod.metadata)

    def _page(self, pod: str, page: str, timeout: float) -> Answer:
        container = Container(self._plane.namespace, pod, DISCOVERY)
        done = _execute(self._host, container, ["pilot-discovery", "request", "GET", f"/debug/{page}"], timeout)
        where = f"/debug/{page} of {pod} in {self._host.name}"
        if done.code:
            raise VerificationError(f"{where} cannot be read: {_last_line(done)}")
        try:
            return Answer(pod, parse_json(done.out))
        except ValueError as error:
            raise VerificationError(f"{where} is not JSON: {one_line(done.out.strip())[:_SHOWN]}") from error


class PodsThroughApiServer:
    """The pods of a cluster whose nodes run them."""

    captures: ClassVar[bool] = False

    def __init__(self, cluster: ClusterView) -> None:
        self._cluster = cluster

    def can_send(self, workload: WorkloadView) -> bool:
        """Only the image of the echo server has a client."""
        return workload.echo

    def send(self, caller: RunningPod, target: Target, count: int, timeout: float) -> list[Reply]:
        """By the client in the pod, in calls of a few requests; stops early after some without a response."""
        container = Container(caller.namespace, caller.name, ECHO)
        deadline = time.monotonic() + timeout
        found: list[Reply] = []
        while len(found) < count and sum(one.code == 0 for one in found) < ENOUGH:
            together = min(AT_ONCE, count - len(found))
            command = echo_client.command(target, together, ANSWER_SECONDS)
            done = _execute(self._cluster, container, command, max(1.0, deadline - time.monotonic()))
            found += echo_client.replies(done, together)
        return found

    def send_without_proxy(self, pod: RunningPod, port: int, count: int, timeout: float) -> list[Reply]:
        """By the API server, which has no proxy, once it is known to reach the pod.

        Raises NotAllowedError where it is not allowed to, or cannot reach pods at all.
        """
        name = f"{pod.namespace}/{pod.name}"
        with _allowed(self._cluster, "get pods/proxy"), reach_pods(self._cluster, timeout) as requests:
            try:
                requests.get(pod.namespace, pod.name, HEALTH_PORT, HEALTH_PATH)
            except RefusedError as error:
                if error.code in _NOT_OFFERED:
                    raise
                raise NotAllowedError(
                    f"the API server of {self._cluster.name} does not reach {name}: {error}"
                ) from error
            return [self._in_clear_text(requests, pod, port) for _ in range(count)]

    def upstreams(self, caller: RunningPod, target: Target, timeout: float) -> tuple[Upstream, ...]:
        """By the admin API of its Envoy, which answers only in the pod; read by the agent beside it."""
        deadline = time.monotonic() + timeout
        pages = []
        for path in (envoy_admin.CLUSTERS, envoy_admin.config_dump(target.host, target.port)):
            left = max(1.0, deadline - time.monotonic())
            container = Container(caller.namespace, caller.name, PROXY)
            done = _execute(self._cluster, container, ["pilot-agent", "request", "GET", path], left)
            if done.code:
                raise VerificationError(f"{caller.namespace}/{caller.name}: Envoy cannot be read: {_last_line(done)}")
            pages.append(envoy_admin.printed_json(done.out))
        return envoy_admin.upstreams(pages[0], pages[1], target.host, target.port)

    def _in_clear_text(self, requests: PodRequests, pod: RunningPod, port: int) -> Reply:
        try:
            page = requests.get(pod.namespace, pod.name, port, "/")
        except RefusedError as error:
            if error.code in _NOT_OFFERED or not any(words in str(error) for words in _ENDED_BY_POD):
                raise
            return Reply(0, fault=next(words for words in _ENDED_BY_POD if words in str(error)))
        return Reply(page.status, fault=page.shown)


def _execute(cluster: ClusterView, container: Container, command: Sequence[str], timeout: float) -> Executed:
    """Run a command in a pod. Raises NotAllowedError where the cluster or the image does not let it run."""
    what = f"run {command[0]} in {container.namespace}/{container.pod}"
    with _allowed(cluster, what), reach_pods(cluster, timeout) as requests:
        done = requests.execute(container, command)
    if done.code in (126, 127) and not done.out.strip():
        raise NotAllowedError(f"{cluster.name}: cannot {what}: {_last_line(done)}")
    return done


@contextmanager
def _allowed(cluster: ClusterView, what: str) -> Iterator[None]:
    """Turn refusals in the block into errors about `what`, those of policy and of what is missing NotAllowedError."""
    try:
        yield
    except RefusedError as error:
        message = f"{cluster.name}: cannot {what}: {error}"
        text = str(error).lower()
        unavailable = error.code in _NOT_OFFERED or any(words in text for words in (*_NO_UPGRADE, *_NO_PROGRAM))
        raise (NotAllowedError if unavailable else ClusterError)(message) from error


def _last_line(done: Executed) -> str:
    lines = [line for line in (*done.out.splitlines(), *done.err.splitlines()) if line.strip()]
    return one_line(lines[-1])[:_SHOWN] if lines else f"exit status {done.code}"
