"""Two revisions of istiod in one cluster: each is reached by its own pod."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest
from lightkube import Client
from lightkube.generic_resource import create_global_resource

from meshfleet.errors import ClusterError
from meshfleet.kube import port_forward
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.kube.kubeconfig import connect
from meshfleet.kube.port_forward import apply_port_forward, remove_port_forward
from tests.plugins.meshfleet.conftest import MeshCluster

pytestmark = pytest.mark.proof("two revisions of Istio side by side", step=2)

NUMBERS = count(1)
PORTS = {"http": 1, "monitoring": 2, "grpc": 3, "secure-grpc": 4, "https": 5}


@dataclass(frozen=True)
class Place:
    """A namespace of the cluster, for pods that stand for those of istiods."""

    cluster: MeshCluster
    namespace: str

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments)

    def make_pod(self, name: str, revision: str) -> None:
        """A pod as the chart of a revision makes it, as far as it is looked for."""
        labels = f"--labels=app=istiod,istio.io/rev={revision},sidecar.istio.io/inject=false"
        self.kubectl("run", name, "--image=x.invalid/istiod", labels)


@pytest.fixture
def place(mesh_cluster: MeshCluster) -> Iterator[Place]:
    """A namespace of each test's own, since one takes its time to go."""
    name = f"side-by-side-{next(NUMBERS)}"
    mesh_cluster.kubectl("create", "namespace", name)
    yield Place(mesh_cluster, name)
    mesh_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def client(mesh_cluster: MeshCluster) -> Iterator[Client]:
    with connect(mesh_cluster.kubeconfig, None) as found:
        yield found


def forward(place: Place, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.kubectl("get", "clusterportforward", name, "-o", "json"))["spec"]
    return found


# Ports are forwarded by the names of pods.


def test_ports_are_forwarded_for_the_pods_of_one_revision(place: Place, client: Client) -> None:
    for name, revision in (("old-1", "blue"), ("old-2", "blue"), ("new", "green")):
        place.make_pod(name, revision)
    apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)
    apply_port_forward(
        client, "west-green", place.namespace, "green", {name: port + 10 for name, port in PORTS.items()}
    )
    blue, green = forward(place, "west-blue"), forward(place, "west-green")
    assert blue["selector"] == {"matchNamespaces": [place.namespace], "matchNames": ["old-1", "old-2"]}
    assert green["selector"] == {"matchNamespaces": [place.namespace], "matchNames": ["new"]}
    targets = {entry["ports"][0]: entry["target"] for entry in blue["forwards"]}
    assert targets == {
        container: {"address": "127.0.0.1", "port": port}
        for container, port in ((8080, 1), (15014, 2), (15010, 3), (15012, 4), (15017, 5))
    }
    for name in ("west-blue", "west-green"):
        remove_port_forward(client, name)
        remove_port_forward(client, name)
    assert not place.kubectl("get", "clusterportforwards", "-o", "name").strip()


def test_pods_that_were_made_anew_are_found_by_the_next_start(place: Place, client: Client) -> None:
    place.make_pod("before", "blue")
    apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)
    place.kubectl("delete", "pod", "before", "--force")
    place.make_pod("after", "blue")
    apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)
    assert forward(place, "west-blue")["selector"]["matchNames"] == ["after"]
    remove_port_forward(client, "west-blue")


def test_it_waits_for_the_first_pod_of_a_chart_that_was_just_installed(place: Place, client: Client) -> None:
    later = threading.Thread(target=place.make_pod, args=("first", "blue"))
    later.start()
    apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)
    later.join()
    assert forward(place, "west-blue")["selector"]["matchNames"] == ["first"]
    remove_port_forward(client, "west-blue")


def test_a_revision_without_a_pod_is_named_when_the_time_is_up(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.make_pod("other", "green")
    monkeypatch.setattr(port_forward, "_SECONDS", 1.0)
    with pytest.raises(
        ClusterError, match=f"waited 1 s for a pod of istiod blue in namespace {place.namespace}, which"
    ):
        apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)


def test_a_cluster_that_is_not_simulated_by_kwok_needs_nothing(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = create_global_resource("kwok.example", "v1alpha1", "ClusterPortForward", "clusterportforwards")
    monkeypatch.setattr(port_forward, "_ClusterPortForward", unknown)
    # Neither is a pod waited for.
    monkeypatch.setattr(port_forward, "_SECONDS", 1.0)
    apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS)
    remove_port_forward(client, "west-blue")
    # Which is said in plain text, unlike all else that an API server refuses.
    with (
        pytest.raises(RefusedError, match=r"^ClusterPortForwards: 404 page not found$"),
        api_errors("ClusterPortForwards"),
    ):
        list(client.list(unknown))


def of_revision(name: str) -> type[BaseHTTPRequestHandler]:
    """What answers with the name of a revision."""

    class Named(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Named


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server on a loopback port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def asked_through(place: Place, pod: str) -> str:
    """What `kubectl port-forward` to the debug port of a pod leads to."""
    cluster = place.cluster
    place.kubectl("wait", "pod", pod, "--for=condition=Ready", "--timeout=30s")
    command = [
        str(cluster.tools / "kubectl"),
        "--kubeconfig",
        str(cluster.home / "kubectl.yaml"),
        "-n",
        place.namespace,
    ]
    with subprocess.Popen([*command, "port-forward", f"pod/{pod}", ":8080"], stdout=subprocess.PIPE, text=True) as kept:
        try:
            assert kept.stdout is not None
            local = kept.stdout.readline().split(" -> ")[0].rpartition(":")[2]
            with urllib.request.urlopen(f"http://127.0.0.1:{local}/debug", timeout=30) as answer:
                said: str = answer.read().decode()
        finally:
            # It ends with nothing else, and is waited for.
            kept.terminate()
    return said


def test_each_pod_leads_to_the_process_of_its_own_revision(place: Place, client: Client) -> None:
    place.make_pod("istiod-blue", "blue")
    place.make_pod("istiod-green", "green")
    with serving(of_revision("blue")) as blue, serving(of_revision("green")) as green:
        apply_port_forward(client, "west-blue", place.namespace, "blue", PORTS | {"http": blue})
        apply_port_forward(client, "west-green", place.namespace, "green", PORTS | {"http": green})
        assert [asked_through(place, f"istiod-{name}") for name in ("blue", "green")] == ["blue", "green"]
    for name in ("west-blue", "west-green"):
        remove_port_forward(client, name)
