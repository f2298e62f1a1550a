"""What changes in the cluster behind the stack's back is seen by a refresh, and nothing else is."""

from __future__ import annotations

import json

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("drift of Kubernetes objects is detected and repaired", step=2)


def program(api_server: ApiServer, namespace: str) -> None:
    """One object of many kinds, with values that a server rewrites and that controllers add to."""
    provider = kubernetes.Provider(
        "cluster",
        kubeconfig=api_server.kubeconfig,
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        enable_patch_force=True,
    )
    options = pulumi.ResourceOptions(provider=provider)
    metadata = {"namespace": namespace}
    kubernetes.core.v1.Secret(
        "secret", metadata={"name": "secret", **metadata}, string_data={"key": "value", "other": "one"}, opts=options
    )
    kubernetes.core.v1.ConfigMap(
        "map", metadata={"name": "map", "labels": {"app": "x"}, **metadata}, data={"a.b": "1", "c": "2"}, opts=options
    )
    kubernetes.core.v1.ServiceAccount("account", metadata={"name": "account", **metadata}, opts=options)
    kubernetes.core.v1.Service(
        "service",
        metadata={"name": "service", **metadata},
        spec={"selector": {"app": "x"}, "ports": [{"port": 80, "target_port": 8080}]},
        opts=options,
    )
    kubernetes.apps.v1.Deployment(
        "deployment",
        metadata={"name": "deployment", **metadata},
        spec={
            "selector": {"match_labels": {"app": "x"}},
            "template": {
                "metadata": {"labels": {"app": "x"}},
                "spec": {
                    "containers": [
                        {"name": "c", "image": "image", "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}
                    ]
                },
            },
        },
        opts=options,
    )
    kubernetes.admissionregistration.v1.ValidatingWebhookConfiguration(
        "webhook",
        metadata={"name": f"{namespace}-webhook"},
        webhooks=[
            {
                "name": "check.example.com",
                "admission_review_versions": ["v1"],
                "side_effects": "None",
                "client_config": {"service": {"name": "checker", "namespace": namespace}},
                "failure_policy": "Ignore",
                "rules": [
                    {
                        "api_groups": ["example.com"],
                        "api_versions": ["*"],
                        "operations": ["CREATE"],
                        "resources": ["things"],
                    }
                ],
            }
        ],
        opts=options,
    )


def test_an_untouched_cluster_shows_no_drift_and_one_touched_by_hand_does(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def patch(kind: str, name: str, body: object, *more: str) -> None:
        api_server.kubectl("patch", kind, name, "--type=json", f"--patch={json.dumps(body)}", *more)

    engine.up(lambda: program(api_server, namespace))
    engine.preview(lambda: program(api_server, namespace), expect_no_changes=True)
    engine.refresh(preview_only=True, expect_no_changes=True)

    # What controllers do to fields that were never asked for is theirs.
    seconds = {"op": "add", "path": "/webhooks/0/timeoutSeconds", "value": 7}
    patch("validatingwebhookconfiguration", f"{namespace}-webhook", [seconds])
    api_server.kubectl("label", "configmap", "map", "-n", namespace, "by-hand=yes")
    api_server.kubectl("label", "configmap", "map", "-n", namespace, "theirs=yes", "--field-manager=controller")
    engine.refresh(preview_only=True, expect_no_changes=True)

    api_server.kubectl("delete", "serviceaccount", "account", "-n", namespace)
    patch("secret", "secret", [{"op": "replace", "path": "/data/key", "value": "c3BvaWx0"}], "-n", namespace)
    patch("configmap", "map", [{"op": "remove", "path": "/data/c"}], "-n", namespace)
    patch("service", "service", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 81}], "-n", namespace)
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "other"}
    patch("deployment", "deployment", [image], "-n", namespace)
    drift = engine.refresh(preview_only=True)
    assert drift.changed() == {
        "account": "delete",
        "deployment": "update",
        "map": "update",
        "secret": "update",
        "service": "update",
    }
    assert drift.differences["map"] == ["data.c"]
    assert drift.differences["service"] == ["spec.ports[0].targetPort"]

    mended = engine.up(lambda: program(api_server, namespace), refresh=True)
    assert mended.operations["account"] == "create"
    assert api_server.get("secret", "secret", "-n", namespace)["data"]["key"] == "dmFsdWU="
    assert api_server.get("configmap", "map", "-n", namespace)["data"] == {"a.b": "1", "c": "2"}
    # What kubectl set goes when the object is changed for another reason; what a controller set stays.
    assert api_server.get("configmap", "map", "-n", namespace)["metadata"]["labels"] == {"app": "x", "theirs": "yes"}
    assert api_server.get("service", "service", "-n", namespace)["spec"]["ports"][0]["targetPort"] == 8080
    engine.refresh(preview_only=True, expect_no_changes=True)
