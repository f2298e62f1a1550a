"""Whatever a server responds, each client of it gives a value or an error of this project's."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import ConfigMap, Pod

from meshfleet.dataplane.node.containers import HttpProbe
from meshfleet.dataplane.node.running_container import ask_over_http
from meshfleet.errors import MeshfleetError
from meshfleet.kube.api_errors import api_errors
from meshfleet.kube.client import connect
from meshfleet.kube.health import ask
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.kubernetes.connection import Connection
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, Kinds
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.processes.waiting import NotYetError
from meshfleet.verification import istiod
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.traffic import Target
from meshfleet.verification.traffic import request as call
from meshfleet.verification.view import ClusterView, ControlPlaneView
from tests.tls_servers import kubeconfig, raw_server

pytestmark = pytest.mark.proof("any answer of a server ends in a value or a sentence", step=0)

NAMES = st.sampled_from(
    (
        *("kind", "apiVersion", "metadata", "items", "spec", "status", "name", "namespace", "labels", "resources"),
        *("message", "code", "reason", "object", "type", "resourceVersion", "syncStatus", "Port", "Shards", "data"),
        *("namespaced", "id", "lastError", "continue"),
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60), st.just(b"[" * 100_000))
STATUSES = st.sampled_from([200, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 422, 500, 503])
KINDS = st.sampled_from(["application/json", "text/plain", "text/html; charset=\x1b", ""])
WHOLE = st.one_of(
    st.builds(
        lambda status, kind, body: (
            f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        ),
        STATUSES,
        KINDS,
        BODIES,
    ),
    st.binary(max_size=80),
)
WIDGET = create_namespaced_resource("example.com", "v1", "Widget", "widgets")


def clients(url: str, folder: Path) -> dict[str, Callable[[], object]]:
    """Every way in which this project reads an answer."""
    text = kubeconfig(url)
    path = folder / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    address, _, port = url.removeprefix("http://").partition(":")
    plane = ControlPlaneView(kind="own", of="west", revision="default", debug_url=url)
    west = ClusterView("west", "host", "mesh", "n", path, plane)
    identity = GroupVersionKind("", "v1", "ConfigMap")

    def connection() -> Connection:
        return Connection(Settings(kubeconfig=text))

    def typed(act: Callable[[Any], object]) -> Callable[[], object]:
        def run() -> object:
            with connect(text, seconds=2.0) as client, api_errors("x"):
                return act(client)

        return run

    def verified() -> object:
        with reach(west, 2.0) as client:
            return [one.metadata for one in client.list(ConfigMap, namespace="default")]

    def released(act: Callable[[Any], object]) -> Callable[[], object]:
        def run() -> object:
            with connected(text) as server:
                return act(server)

        return run

    pages = {
        "clusterz": istiod.known_clusters,
        "networkz": istiod.network_gateways,
        "mesh": istiod.mesh_config,
        "configz": lambda answer: istiod.root_objects(answer, "istio-system"),
        "endpointShardz": istiod.service_shards,
        "syncz": istiod.connected_proxies,
    }
    return {
        "get": typed(lambda client: client.get(Pod, "a", namespace="b")),
        "list": typed(lambda client: list(client.list(Pod, namespace="*"))),
        "generic": typed(lambda client: [one.metadata for one in client.list(WIDGET, namespace="*")]),
        "delete": typed(lambda client: client.delete(Pod, "a", namespace="b")),
        "watch": typed(lambda client: next(iter(client.watch(Pod, namespace="*", server_timeout=1)), None)),
        "reach": verified,
        "fetch": lambda: connection().fetch("/version", "its version"),
        "kinds": lambda: Kinds(connection().fetch).find(identity),
        "server get": released(lambda server: server.get("api/v1/x", "x")),
        "server metadata": released(lambda server: server.metadata("api/v1/x", "a=b", "x")),
        "server kind": released(lambda server: server.kind("v1", "ConfigMap")),
        "health": lambda: ask(url),
        "probe": lambda: ask_over_http(address, HttpProbe("/", int(port), 1.0, 1)),
        "traffic": lambda: call(Target(address, int(port), "x"), 2.0),
    } | {
        f"page {page}": lambda page=page, parse=parse: parse(istiod.query(west, page, 2.0))
        for page, parse in pages.items()
    }


@given(answer=WHOLE, which=st.integers(0, 19))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_answer_is_a_value_or_a_sentence_to_every_client(answer: bytes, which: int, tmp_path_factory: Any) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with raw_server(talk) as address:
        known = clients(f"http://{address}", tmp_path_factory.getbasetemp())
        assert len(known) == 20
        reason = ""
        try:
            list(known.values())[which]()
        except (MeshfleetError, NotYetError) as error:
            reason = str(error)
    assert "\x1b" not in reason
