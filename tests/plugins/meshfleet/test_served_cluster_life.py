"""The wait of a cluster for the istiod that serves it, on a real API server; the tests play that istiod."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meshfleet.embedded.ports import reserve_ports
from meshfleet.errors import ClusterError
from meshfleet.plugins.meshfleet.handler import Properties
from meshfleet.plugins.meshfleet.served_cluster import ServedClusterHandler
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

pytestmark = pytest.mark.proof("a cluster waits to be served from elsewhere, and notices when it is not", step=2)

NAMESPACE = WEBHOOK = "served-test"
BUNDLE = base64.b64encode(b"a certificate").decode()
SERVED = {"state": "served"}


def webhooks(*bundles: str) -> str:
    """An injection webhook with these certificates in its entries, as `kubectl apply` takes it."""
    entries = [
        {
            "name": f"entry{number}.sidecar-injector.istio.io",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://localhost:1/inject"} | ({"caBundle": bundle} if bundle else {}),
            # It is never asked.
            "namespaceSelector": {"matchLabels": {"nobody": "has-this"}},
        }
        for number, bundle in enumerate(bundles)
    ]
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    return json.dumps(kind | {"metadata": {"name": WEBHOOK}, "webhooks": entries})


class Primary:
    """Writes into the cluster what an istiod elsewhere would."""

    def __init__(self, cluster: MeshCluster) -> None:
        self._cluster = cluster

    def _apply(self, manifest: str) -> None:
        path = self._cluster.home / f"{NAMESPACE}.json"
        path.write_text(manifest, encoding="utf-8")
        self._cluster.kubectl("apply", "-f", str(path))

    def patch_webhook(self, *bundles: str) -> None:
        self._apply(webhooks(*bundles))

    def write_root(self) -> None:
        labels = {"istio.io/config": "true"}
        metadata = {"name": "istio-ca-root-cert", "namespace": NAMESPACE, "labels": labels}
        self._apply(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}))

    def serve(self) -> None:
        self.patch_webhook(BUNDLE, BUNDLE)
        self.write_root()


@pytest.fixture
def primary(mesh_cluster: MeshCluster) -> Iterator[Primary]:
    mesh_cluster.kubectl("create", "namespace", NAMESPACE)
    mesh_cluster.kubectl("annotate", "namespace", NAMESPACE, "topology.istio.io/controlPlaneClusters=east")
    yield Primary(mesh_cluster)
    mesh_cluster.kubectl("delete", "mutatingwebhookconfiguration", WEBHOOK, "--ignore-not-found")
    mesh_cluster.kubectl("delete", "namespace", NAMESPACE)


@pytest.fixture
def handler() -> ServedClusterHandler:
    return ServedClusterHandler()


@pytest.fixture
def inputs(handler: ServedClusterHandler, mesh_cluster: MeshCluster) -> Properties:
    checked, faults = handler.check(
        {
            "cluster": "west",
            "primary": "east",
            "namespace": NAMESPACE,
            "webhook": WEBHOOK,
            "kubeconfig": mesh_cluster.kubeconfig,
        }
    )
    assert not faults
    return checked


def nobody(cluster: MeshCluster) -> int:
    """A port on which nobody listens."""
    return reserve_ports(cluster.home, f"{FLEET}/nobody", ["none"])["none"]


def test_it_waits_until_the_webhook_is_patched_and_the_root_is_there(
    handler: ServedClusterHandler, inputs: Properties, primary: Primary
) -> None:
    primary.patch_webhook("", "")
    seen: list[str] = []

    def look() -> None:
        found = handler.read("west", inputs, SERVED)
        seen.append(found["state"] if found else "gone")

    def serve_step_by_step() -> None:
        look()
        primary.patch_webhook(BUNDLE, "")
        look()
        primary.patch_webhook(BUNDLE, BUNDLE)
        look()
        primary.write_root()

    later = threading.Thread(target=serve_step_by_step)
    later.start()
    made = handler.create(inputs, 0)
    later.join()
    assert (made.identifier, made.outputs) == ("west", SERVED)
    both, one = "entry0.sidecar-injector.istio.io, entry1.sidecar-injector.istio.io", "entry1.sidecar-injector.istio.io"
    root = f"ConfigMap {NAMESPACE}/istio-ca-root-cert: "
    assert seen[0].startswith(f"not served: no caBundle in {both} of {WEBHOOK}; {root}")
    assert seen[1].startswith(f"not served: no caBundle in {one} of {WEBHOOK}; {root}")
    assert seen[2].startswith(f"not served: {root}")


def test_a_cluster_that_is_no_longer_served_is_found_by_a_refresh_and_waited_for_again(
    handler: ServedClusterHandler, inputs: Properties, primary: Primary
) -> None:
    primary.serve()
    outputs = handler.create(inputs, 0).outputs
    assert handler.preview(None, inputs) == outputs == handler.read("west", inputs, outputs)
    assert handler.diff(inputs, outputs, inputs).updates == ()

    primary.patch_webhook("", BUNDLE)
    seen = handler.read("west", inputs, outputs)
    assert seen is not None
    assert handler.diff(inputs, seen, inputs).updates == ("state",)
    with pytest.raises(ClusterError, match="waited 1 s for the istiod of east to serve west"):
        handler.update("west", inputs, seen, inputs, 1)
    primary.serve()
    assert handler.update("west", inputs, seen, inputs, 0) == SERVED


def test_another_primary_is_a_change_in_place(handler: ServedClusterHandler, inputs: Properties) -> None:
    difference = handler.diff(inputs, SERVED, inputs | {"primary": "north", "debugUrl": "http://127.0.0.1:1"})
    assert (difference.updates, difference.replaces) == (("debugUrl", "primary"), ())


class Ready(BaseHTTPRequestHandler):
    """Answers everything, as an istiod answers whether it is ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(params=["unknown", "down", "ready"])
def primary_told(request: pytest.FixtureRequest, mesh_cluster: MeshCluster) -> Iterator[tuple[str | None, str]]:
    """Where the primary's istiod can be asked, and what is told of it."""
    if request.param == "unknown":
        yield None, "the istiod of east cannot be asked from here"
    elif request.param == "down":
        yield f"http://127.0.0.1:{nobody(mesh_cluster)}", "the istiod of east is not ready: the connection "
    else:
        with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}", "the istiod of east is ready"
            server.shutdown()
            thread.join()


def test_when_the_time_is_up_it_tells_all_that_is_missing_and_how_the_primary_is(
    handler: ServedClusterHandler, inputs: Properties, primary: Primary, primary_told: tuple[str | None, str]
) -> None:
    primary.patch_webhook("", BUNDLE)
    url, told = primary_told
    with pytest.raises(ClusterError) as raised:
        handler.create(inputs | ({"debugUrl": url} if url else {}), 1)
    text = str(raised.value)
    assert text.startswith("waited 1 s for the istiod of east to serve west; last seen: no caBundle in entry0")
    assert f"; ConfigMap {NAMESPACE}/istio-ca-root-cert: " in text
    assert f"see that east has a remote secret for west, and run the same command again; {told}" in text


def test_a_webhook_that_is_not_there_is_named(handler: ServedClusterHandler, inputs: Properties) -> None:
    with pytest.raises(ClusterError, match=f'MutatingWebhookConfiguration {WEBHOOK}: .*"{WEBHOOK}" not found'):
        handler.create(inputs, 1)


def test_a_cluster_that_is_gone_hinders_neither_read_nor_delete(
    handler: ServedClusterHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    server = next(line for line in mesh_cluster.kubeconfig.splitlines() if "server:" in line)
    url = f"https://127.0.0.1:{nobody(mesh_cluster)}"
    gone = inputs | {"kubeconfig": mesh_cluster.kubeconfig.replace(server, f"    server: {url}")}
    seen = handler.read("west", gone, SERVED)
    assert seen is not None
    assert str(seen["state"]).startswith(f"unknown: MutatingWebhookConfiguration {WEBHOOK}: {url}/ does not answer")
    assert handler.diff(gone, seen, gone).updates == ("state",)
    handler.delete("west", gone, SERVED, 0)
    with pytest.raises(ClusterError, match=f"{url}/ does not answer"):
        handler.create(gone, 0)


def test_a_context_that_the_kubeconfig_lacks_is_named(handler: ServedClusterHandler, inputs: Properties) -> None:
    with pytest.raises(ClusterError, match="no context 'east'; it has west"):
        handler.create(inputs | {"context": "east"}, 0)
