"""What enters from pods on the nodes of a cluster, through its API server: commands, their output, pages of ports."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage

from meshfleet.kube.exec_stream import ExecStream, Executed
from meshfleet.kube.pod_requests import PodRequests
from meshfleet.kube.transport import BoundedTransport
from meshfleet.verification import FleetView, read_fleet
from meshfleet.verification.access import echo_client, envoy_admin, istiod_access, pod_access
from meshfleet.verification.workload_view import RunningPod
from tests.fuzz import seeds
from tests.fuzz.guided import Door
from tests.fuzz.world import KUBECONFIG, answering
from tests.pod_servers import SUCCESS, exited, failure

POD = RunningPod("uid", "10.0.0.1", "echo-1", "sample")
HOST = "echo.sample.svc.cluster.local"
SERVED = "[0] StatusCode=200\n[0 body] Cluster=west\n[1] StatusCode=403\n"
FAILED = "Error 3/5 requests had errors; first error: refused\n"


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one for files."""
    path = folder / "kubeconfig"
    path.write_text(KUBECONFIG, encoding="utf-8")
    fleet = _with_pods(read_fleet(seeds.status(str(path)), folder, folder))
    clusters, dump = (
        (seeds.RECORDED / name).read_text(encoding="utf-8")
        for name in ("envoy-clusters.json", "envoy-config-dump.json")
    )
    return {
        "the stream of a command": Door(
            ((_stream(1, "out") + _stream(3, SUCCESS)).decode("latin-1"),),
            lambda text: _ended(text.encode("latin-1", "replace")),
        ),
        "the end of a command": Door((SUCCESS, exited(3)), lambda end: _ended(_stream(3, end))),
        "the page of an istiod in a pod": Door(("[]", "{}"), lambda text: _pages(fleet, text)),
        "the pods of an istiod": _istiod_pods(fleet),
        "an answer in the place of a pod": Door(
            (failure(503, "connection reset by peer"),), lambda it: _refused(fleet, it)
        ),
        "the echo client": Door((SERVED, FAILED), lambda text: echo_client.replies(Executed(0, text, ""), 5)),
        "the clusters of an Envoy": Door((clusters,), lambda text: _upstreams(text, dump)),
        "the configuration of an Envoy": Door((dump,), lambda text: _upstreams(clusters, text)),
    }


def _with_pods(fleet: FleetView) -> FleetView:
    clusters = tuple(
        replace(one, pods="real", control_plane=replace(one.control_plane, debug_url=None, others=()))
        for one in fleet.clusters
    )
    return replace(fleet, clusters=clusters)


def _stream(channel: int, content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    message = BytesMessage(data=bytes([channel]) + text.encode("utf-8", "replace"))
    return Connection(ConnectionType.SERVER).send(message)


def _ended(data: bytes) -> object:
    stream = ExecStream(1 << 16)
    stream.receive(data)
    return stream.ended or stream.receive(b"")


def _pages(fleet: FleetView, text: str) -> object:
    pod = {
        "metadata": {"name": "istiod-1", "namespace": "istio-system"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    with answering({"pods": [pod]}), patch.object(PodRequests, "execute", lambda *_: Executed(0, text, "")):
        return istiod_access(fleet, fleet.clusters[0]).pages("clusterz", 1)


def _istiod_pods(fleet: FleetView) -> Door:
    def read(world: Any) -> object:
        with (
            answering(world if isinstance(world, dict) else {}),
            patch.object(PodRequests, "execute", lambda *_: Executed(0, "[]", "")),
        ):
            return run_check(fleet)

    return Door(({"pods": seeds.world()["pods"]},), read)


def run_check(fleet: FleetView) -> object:
    """A check of an istiod that is a pod; it contains what is malformed."""
    from meshfleet.verification.checks import ClustersSynced

    return ClustersSynced().run_on(fleet, fleet.clusters[0], 0.0)


def _refused(fleet: FleetView, answer: Any) -> object:
    def respond(_: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
        ready = request.url.path.endswith("/healthz/ready")
        return httpx2.Response(200 if ready else 503, content=json.dumps(answer).encode())

    with patch.object(BoundedTransport, "handle_request", respond):
        return pod_access(fleet, fleet.clusters[0]).send_without_proxy(POD, 8080, 1, 1)


def _upstreams(clusters: str, dump: str) -> object:
    read: Callable[[str], Any] = envoy_admin.printed_json
    return envoy_admin.upstreams(read(clusters), read(dump), HOST, 80)
