"""Custom resources: right after their definition, waited for where asked, gone with it."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("Kubernetes objects through whichever plugin is installed", step=2)


def definition(group: str) -> dict[str, Any]:
    """A CustomResourceDefinition of Widgets; `x_kubernetes_…` is how Pulumi's SDKs spell such names."""
    fields = {"size": {"type": "integer"}, "parts": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": fields},
            "status": {"type": "object", "x_kubernetes_preserve_unknown_fields": True},
        },
    }
    return {
        "group": group,
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"open_apiv3_schema": schema},
                "subresources": {"status": {}},
            }
        ],
    }


def test_a_custom_resource_can_follow_its_definition_at_once(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(size: int) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        crd = kubernetes.apiextensions.v1.CustomResourceDefinition(
            "definition",
            metadata={"name": "widgets.at-once.example.com"},
            spec=definition("at-once.example.com"),
            opts=options,
        )
        kubernetes.apiextensions.CustomResource(
            "widget",
            api_version="at-once.example.com/v1",
            kind="Widget",
            metadata={"name": "widget", "namespace": namespace},
            spec={"size": size, "parts": {"any": ["thing"]}},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[crd]),
        )

    assert engine.preview(lambda: program(1)).operations["widget"] == "create"
    engine.up(lambda: program(1))
    kind = "widgets.at-once.example.com"
    live = api_server.get(kind, "widget", "-n", namespace)
    assert live["spec"] == {"size": 1, "parts": {"any": ["thing"]}}
    schema = api_server.get("crd", kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["x-kubernetes-preserve-unknown-fields"] is True
    assert engine.preview(lambda: program(1), expect_no_changes=True).changed() == {}
    assert engine.up(lambda: program(2)).differences["widget"] == ["spec.size"]
    assert api_server.get(kind, "widget", "-n", namespace)["spec"]["size"] == 2
    # Gone together with its definition, it does not stand in the way of a destroy.
    api_server.kubectl("delete", "crd", kind)
    engine.destroy()


def test_a_custom_resource_is_waited_for_where_its_annotation_says_so(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        crd = kubernetes.apiextensions.v1.CustomResourceDefinition(
            "definition",
            metadata={"name": "widgets.awaited.example.com"},
            spec=definition("awaited.example.com"),
            opts=pulumi.ResourceOptions(provider=provider),
        )
        kubernetes.apiextensions.CustomResource(
            "widget",
            api_version="awaited.example.com/v1",
            kind="Widget",
            metadata={
                "name": "widget",
                "namespace": namespace,
                "annotations": {
                    "pulumi.com/waitFor": '["condition=Ready", "jsonpath={.status.phase}=Running"]',
                    "pulumi.com/timeoutSeconds": "2",
                },
            },
            spec={"size": 1},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[crd]),
        )

    message = engine.fail(program)
    assert "Ready" in message or "timed out waiting for the condition" in message
    assert engine.state()["widget"]["initErrors"], "the object exists, so the state has it"
    status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    api_server.kubectl(
        "patch",
        "widgets.awaited.example.com/widget",
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        f"--patch={json.dumps(status)}",
    )
    engine.up(program)
    assert "initErrors" not in engine.state()["widget"]
