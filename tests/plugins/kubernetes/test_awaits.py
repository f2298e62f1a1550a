"""What counts as ready, and that every wait ends."""

from __future__ import annotations

import json
import time
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("Kubernetes objects are waited for, with a bound", step=2)


def test_a_token_is_there_when_its_secret_is_said_to_be(engine: Engine, api_server: ApiServer, namespace: str) -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        reader = kubernetes.core.v1.ServiceAccount(
            "reader", metadata={"name": "reader", "namespace": namespace}, opts=options
        )
        token = kubernetes.core.v1.Secret(
            "token",
            metadata={
                "name": "token",
                "namespace": namespace,
                "annotations": {"kubernetes.io/service-account.name": reader.metadata.apply(lambda m: m.name)},
            },
            type="kubernetes.io/service-account-token",
            opts=options,
        )
        pulumi.export("length", pulumi.Output.unsecret(token.data.apply(lambda data: len(data["token"]))))
        # The rollout is over when the pods are there.
        deployment = kubernetes.apps.v1.Deployment(
            "deployment",
            metadata={"name": "deployment", "namespace": namespace},
            spec={
                "replicas": 2,
                "selector": {"match_labels": {"app": "x"}},
                "template": {
                    "metadata": {"labels": {"app": "x"}},
                    "spec": {"containers": [{"name": "c", "image": "image"}]},
                },
            },
            opts=options,
        )
        kubernetes.core.v1.Service(
            "service",
            metadata={"name": "service", "namespace": namespace},
            spec={"selector": {"app": "x"}, "ports": [{"port": 80}]},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[deployment]),
        )

    run = engine.up(program)
    assert run.outputs["length"] > 100
    assert api_server.get("deployment", "deployment", "-n", namespace)["status"]["availableReplicas"] == 2
    token = api_server.get("secret", "token", "-n", namespace)["data"]["token"]
    assert token not in engine.state_text()
    engine.refresh(preview_only=True, expect_no_changes=True)


def load_balancer(api_server: ApiServer, namespace: str, **annotations: str) -> None:
    """A program with one Service that needs an address."""
    provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
    service = kubernetes.core.v1.Service(
        "gateway",
        metadata={"name": "gateway", "namespace": namespace, "annotations": annotations},
        spec={"type": "LoadBalancer", "ports": [{"port": 15443}]},
        opts=pulumi.ResourceOptions(provider=provider, custom_timeouts=pulumi.CustomTimeouts(create="3s", update="3s")),
    )
    pulumi.export("address", service.status.apply(lambda status: status and status.load_balancer.ingress))


def test_a_load_balancer_is_waited_for_until_its_time_is_up_and_found_again_once_it_has_an_address(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    started = time.monotonic()
    message = engine.fail(lambda: load_balancer(api_server, namespace))
    assert time.monotonic() - started < 30
    assert "address" in message
    recorded: dict[str, Any] = engine.state()["gateway"]
    assert recorded["id"] == f"{namespace}/gateway", "it exists, so it is in the state"
    assert recorded["initErrors"]

    status = {"status": {"loadBalancer": {"ingress": [{"ip": "127.9.9.9"}]}}}
    patch = f"--patch={json.dumps(status)}"
    api_server.kubectl("patch", "service", "gateway", "-n", namespace, "--subresource=status", "--type=merge", patch)
    run = engine.up(lambda: load_balancer(api_server, namespace))
    assert run.outputs["address"][0]["ip"] == "127.9.9.9"
    assert "initErrors" not in engine.state()["gateway"]


def test_a_load_balancer_that_need_not_be_waited_for_is_not(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    run = engine.up(lambda: load_balancer(api_server, namespace, **{"pulumi.com/skipAwait": "true"}))
    assert run.operations["gateway"] == "create"
    assert "initErrors" not in engine.state()["gateway"]
