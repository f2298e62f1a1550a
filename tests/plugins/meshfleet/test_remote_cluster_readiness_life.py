"""The wait of a remote cluster for the istiod of its primary, on a real API server; the tests act as that istiod."""

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
from meshfleet.plugins.meshfleet.remote_cluster_readiness import RemoteClusterReadinessHandler
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

pytestmark = pytest.mark.proof("a remote cluster waits for the istiod of its primary and reports its loss", step=2)

NAMESPACE = WEBHOOK = "remote-test"
BUNDLE = base64.b64encode(b"a certificate").decode()
READY = {"state": "ready"}


def webhooks(*bundles: str) -> str:
    """An injection webhook with these certificates in its entries, as `kubectl apply` takes it."""
    entries = [
        {
            "name": f"entry{number}.sidecar-injector.istio.io",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://localhost:1/inject"} | ({"caBundle": bundle} if bundle else {}),
            # Never called.
            "namespaceSelector": {"matchLabels": {"no-such-label": "none"}},
        }
        for number, bundle in enumerate(bundles)
    ]
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    return json.dumps(kind | {"metadata": {"name": WEBHOOK}, "webhooks": entries})


class Primary:
    """Writes into the cluster what the istiod of a primary writes."""

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

    def set_up(self) -> None:
        self.patch_webhook(BUNDLE, BUNDLE)
        self.write_root()


@pytest.fixture(scope="module")
def namespace(mesh_cluster: MeshCluster) -> Iterator[str]:
    mesh_cluster.kubectl("create", "namespace", NAMESPACE)
    mesh_cluster.kubectl("annotate", "namespace", NAMESPACE, "topology.istio.io/controlPlaneClusters=east")
    yield NAMESPACE
    mesh_cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def primary(mesh_cluster: MeshCluster, namespace: str) -> Iterator[Primary]:
    yield Primary(mesh_cluster)
    mesh_cluster.kubectl("delete", "mutatingwebhookconfiguration", WEBHOOK, "--ignore-not-found")
    mesh_cluster.kubectl("delete", "configmap", "istio-ca-root-cert", "-n", namespace, "--ignore-not-found")


@pytest.fixture
def handler() -> RemoteClusterReadinessHandler:
    return RemoteClusterReadinessHandler()


@pytest.fixture
def inputs(handler: RemoteClusterReadinessHandler, mesh_cluster: MeshCluster) -> Properties:
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


def closed_port(cluster: MeshCluster) -> int:
    """A port without a listener."""
    return reserve_ports(cluster.home, f"{FLEET}/closed", ["none"])["none"]


def test_it_waits_for_the_webhook_patch_and_the_root_certificate(
    handler: RemoteClusterReadinessHandler, inputs: Properties, primary: Primary
) -> None:
    primary.patch_webhook("", "")
    seen: list[str] = []

    def refresh() -> None:
        found = handler.read("west", inputs, READY)
        seen.append(found["state"] if found else "gone")

    def set_up_step_by_step() -> None:
        refresh()
        primary.patch_webhook(BUNDLE, "")
        refresh()
        primary.patch_webhook(BUNDLE, BUNDLE)
        refresh()
        primary.write_root()

    later = threading.Thread(target=set_up_step_by_step)
    later.start()
    made = handler.create(inputs, 0)
    later.join()
    assert (made.identifier, made.outputs) == ("west", READY)
    both, one = "entry0.sidecar-injector.istio.io, entry1.sidecar-injector.istio.io", "entry1.sidecar-injector.istio.io"
    root = f"ConfigMap {NAMESPACE}/istio-ca-root-cert: "
    assert seen[0].startswith(f"not ready: no caBundle in {both} of {WEBHOOK}; {root}")
    assert seen[1].startswith(f"not ready: no caBundle in {one} of {WEBHOOK}; {root}")
    assert seen[2].startswith(f"not ready: {root}")


def test_a_refresh_reports_a_lost_istiod_and_an_update_waits_again(
    handler: RemoteClusterReadinessHandler, inputs: Properties, primary: Primary
) -> None:
    primary.set_up()
    outputs = handler.create(inputs, 0).outputs
    assert handler.preview(None, inputs) == outputs == handler.read("west", inputs, outputs)
    assert handler.diff(inputs, outputs, inputs).updates == ()

    primary.patch_webhook("", BUNDLE)
    seen = handler.read("west", inputs, outputs)
    assert seen is not None
    assert handler.diff(inputs, seen, inputs).updates == ("state",)
    with pytest.raises(ClusterError, match="waited 1 s for the istiod of east to set up injection in west"):
        handler.update("west", inputs, seen, inputs, 1)
    primary.set_up()
    assert handler.update("west", inputs, seen, inputs, 0) == READY


def test_another_primary_is_an_update_in_place(handler: RemoteClusterReadinessHandler, inputs: Properties) -> None:
    difference = handler.diff(inputs, READY, inputs | {"primary": "north", "debugUrl": "http://127.0.0.1:1"})
    assert (difference.updates, difference.replaces) == (("debugUrl", "primary"), ())


class Ready(BaseHTTPRequestHandler):
    """Responds to every request as a ready istiod does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(params=["unknown", "down", "ready"])
def primary_readiness(request: pytest.FixtureRequest, mesh_cluster: MeshCluster) -> Iterator[tuple[str | None, str]]:
    """The debug URL of the primary's istiod, and the reported readiness."""
    if request.param == "unknown":
        yield None, "the readiness of the istiod of east cannot be checked from this machine"
    elif request.param == "down":
        yield f"http://127.0.0.1:{closed_port(mesh_cluster)}", "the istiod of east is not ready: the connection "
    else:
        with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}", "the istiod of east is ready"
            server.shutdown()
            thread.join()


def test_a_timeout_names_everything_missing_and_the_primarys_readiness(
    handler: RemoteClusterReadinessHandler,
    inputs: Properties,
    primary: Primary,
    primary_readiness: tuple[str | None, str],
) -> None:
    primary.patch_webhook("", BUNDLE)
    url, told = primary_readiness
    with pytest.raises(ClusterError) as raised:
        handler.create(inputs | ({"debugUrl": url} if url else {}), 1)
    text = str(raised.value)
    assert text.startswith(
        "waited 1 s for the istiod of east to set up injection in west; last seen: no caBundle in entry0"
    )
    assert f"; ConfigMap {NAMESPACE}/istio-ca-root-cert: " in text
    assert f"check that east has a remote secret for west, and run the same command again; {told}" in text


def test_a_missing_webhook_is_named(handler: RemoteClusterReadinessHandler, inputs: Properties) -> None:
    with pytest.raises(ClusterError, match=f'MutatingWebhookConfiguration {WEBHOOK}: .*"{WEBHOOK}" not found'):
        handler.create(inputs, 1)


def test_read_and_delete_succeed_when_the_cluster_is_gone(
    handler: RemoteClusterReadinessHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    server = next(line for line in mesh_cluster.kubeconfig.splitlines() if "server:" in line)
    url = f"https://127.0.0.1:{closed_port(mesh_cluster)}"
    gone = inputs | {"kubeconfig": mesh_cluster.kubeconfig.replace(server, f"    server: {url}")}
    seen = handler.read("west", gone, READY)
    assert seen is not None
    assert str(seen["state"]).startswith(f"unknown: MutatingWebhookConfiguration {WEBHOOK}: {url}/ does not respond")
    assert handler.diff(gone, seen, gone).updates == ("state",)
    handler.delete("west", gone, READY, 0)
    with pytest.raises(ClusterError, match=f"{url}/ does not respond"):
        handler.create(gone, 0)


def test_a_context_missing_in_the_kubeconfig_is_named(
    handler: RemoteClusterReadinessHandler, inputs: Properties
) -> None:
    with pytest.raises(ClusterError, match="no context 'east'; it has west"):
        handler.create(inputs | {"context": "east"}, 0)
