"""The objects of a release on a real API server: each that is missing or changed is found, named and restored.

Helm itself installs the release, so that it is the same whichever plugin does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import ClusterError
from meshfleet.kube.releases import parts
from meshfleet.kube.releases.server import Server, connected
from meshfleet.plugins.meshfleet.release_objects import ReleaseObjectsHandler
from tests.plugins.kubernetes.conftest import ApiServer

pytestmark = pytest.mark.proof("releases are compared object by object with what their chart rendered", step=2)

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.parts.example}
spec:
  group: parts.example
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: parts-map}
data: {a: "1", empty: ""}
---
apiVersion: v1
kind: Secret
metadata: {name: parts-secret}
stringData: {token: abc}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: parts-role}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: parts-validator}
webhooks:
- name: parts.example.io
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: none, namespace: default, path: /x}, caBundle: ""}
  rules: [{operations: [CREATE], apiGroups: [parts.example], apiVersions: ["*"], resources: ["*"]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: parts-deployment}
spec:
  replicas: 0
  selector: {matchLabels: {app: parts}}
  template:
    metadata: {labels: {app: parts}}
    spec:
      containers: [{name: main, image: "i:1", resources: {requests: {cpu: 1000m, memory: 0.5Gi}}}]
---
apiVersion: v1
kind: Service
metadata: {name: parts-service}
spec: {selector: {app: parts}, ports: [{name: http, port: 80, targetPort: 8080}]}
"""
NAMESPACE = "parts"
PARTS = (
    "CustomResourceDefinition things.parts.example",
    "Secret parts-secret",
    "ConfigMap parts-map",
    "ClusterRole parts-role",
    "Service parts-service",
    "Deployment parts-deployment",
    "ValidatingWebhookConfiguration parts-validator",
)


@pytest.fixture(scope="module")
def helm(api_server: ApiServer, toolchain: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A release `parts` of seven objects, one of them a definition in `crds/`; the chart's folder."""
    folder = tmp_path_factory.mktemp("chart")
    (folder / "templates").mkdir()
    (folder / "crds").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: parts\nversion: 1.0.0\n")
    (folder / "crds" / "things.yaml").write_text(CRD)
    (folder / "templates" / "all.yaml").write_text(OBJECTS)
    command = [str(toolchain.bin / "helm"), "--kubeconfig", str(api_server.path), "-n", NAMESPACE]
    subprocess.run([*command, "install", "parts", str(folder), "--create-namespace"], check=True, capture_output=True)
    yield folder
    subprocess.run([*command, "uninstall", "parts"], check=True, capture_output=True)
    api_server.kubectl("delete", "crd", "things.parts.example", "--ignore-not-found", "--wait=false")
    api_server.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def server(api_server: ApiServer, helm: Path) -> Iterator[Server]:
    with connected(api_server.kubeconfig) as found:
        yield found
        parts.restore(found, NAMESPACE, "parts")


def examined(server: Server) -> dict[str, str] | None:
    return parts.examine(server, NAMESPACE, "parts")


def test_a_release_that_nothing_touched_has_no_difference(server: Server) -> None:
    assert examined(server) == {}
    assert parts.restore(server, NAMESPACE, "parts") == []


@pytest.mark.parametrize("part", PARTS)
def test_each_object_that_is_deleted_is_named_and_comes_back(part: str, server: Server, api_server: ApiServer) -> None:
    kind, name = part.split()
    api_server.kubectl("delete", kind, name, "-n", NAMESPACE)
    assert examined(server) == {part: "missing"}
    assert parts.restore(server, NAMESPACE, "parts") == [part]
    assert examined(server) == {}
    metadata = api_server.get(kind, name, "-n", NAMESPACE)["metadata"]
    if kind != "CustomResourceDefinition":
        assert metadata["annotations"]["meta.helm.sh/release-name"] == "parts"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"


CHANGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "definition": ("crd/things.parts.example", {"spec": {"names": {"shortNames": ["th"]}}}, ""),
    "data": ("configmap/parts-map", {"data": {"a": "2"}}, "data.a"),
    "data removed": ("configmap/parts-map", {"data": {"empty": None}}, "data.empty"),
    "data added": ("configmap/parts-map", {"data": {"more": "1"}}, ""),
    "secret": ("secret/parts-secret", {"data": {"token": "eHl6"}}, "data.token"),
    "rules": ("clusterrole/parts-role", {"rules": []}, "rules"),
    "replicas": ("deployment/parts-deployment", {"spec": {"replicas": 2}}, "spec.replicas"),
    "ports": ("service/parts-service", {"spec": {"ports": [{"port": 81}]}}, "spec.ports"),
    "selector": ("service/parts-service", {"spec": {"selector": {"app": "evil"}}}, "spec.selector.app"),
    "webhooks": ("validatingwebhookconfiguration/parts-validator", {"webhooks": []}, "webhooks"),
    "label added": ("clusterrole/parts-role", {"metadata": {"labels": {"mine": "1"}}}, ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_found_unless_it_is_of_what_the_chart_leaves_open(
    change: str, server: Server, api_server: ApiServer
) -> None:
    target, patch, fields = CHANGES[change]
    api_server.kubectl("patch", target, "-n", NAMESPACE, "--type=merge", f"--patch={json.dumps(patch)}")
    found = examined(server) or {}
    assert (set(found.values()) or {""}) == {fields} or (fields and next(iter(found.values())).startswith(fields))
    parts.restore(server, NAMESPACE, "parts")
    assert examined(server) == {}


def test_what_istiod_writes_into_its_webhook_stays(server: Server, api_server: ApiServer) -> None:
    patch = [
        {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"},
        {"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 7},
    ]
    name = "validatingwebhookconfiguration/parts-validator"
    api_server.kubectl("patch", name, "--type=json", f"--patch={json.dumps(patch)}")
    assert examined(server) == {}


def test_the_resource_records_what_it_found_and_restores_it_at_the_next_update(
    api_server: ApiServer, server: Server
) -> None:
    handler = ReleaseObjectsHandler()
    inputs = {"namespace": NAMESPACE, "release": "parts", "kubeconfig": api_server.kubeconfig}
    assert handler.check(inputs)[1] == []
    made = handler.create(inputs, 0)
    assert handler.read(made.identifier, inputs, made.outputs) == {"drift": {}}
    assert handler.diff(inputs, made.outputs, inputs).updates == ()
    api_server.kubectl("delete", "clusterrole", "parts-role")
    seen = handler.read(made.identifier, inputs, made.outputs)
    assert seen == {"drift": {"ClusterRole parts-role": "missing"}}
    assert handler.diff(inputs, seen, inputs).updates == ("drift",)
    assert handler.update(made.identifier, inputs, seen, inputs, 0) == {"drift": {}}
    assert api_server.has("clusterrole", "parts-role")


def test_a_release_that_is_gone_has_no_parts(server: Server) -> None:
    assert parts.examine(server, NAMESPACE, "another") is None
    assert parts.restore(server, NAMESPACE, "another") == []


def test_a_release_whose_objects_take_too_long_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SECONDS", -1.0)
    with pytest.raises(ClusterError, match="release parts/parts: comparing its objects takes longer than"):
        examined(server)
