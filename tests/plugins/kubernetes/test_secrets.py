"""Nothing secret is ever in plain text in the state, the output or the event stream."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("secrets never appear in plain text in state or output", step=2)

WORD = "correct-horse-battery-staple"


def test_secrets_are_never_in_plain_text(engine: Engine, api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: secretive\nversion: 1.0.0\n")

    def program(word: str) -> None:
        provider = kubernetes.Provider(
            "cluster", kubeconfig=pulumi.Output.secret(api_server.kubeconfig), enable_secret_mutable=True
        )
        options = pulumi.ResourceOptions(provider=provider)
        encoded = base64.b64encode(word.encode()).decode()
        kubernetes.core.v1.Secret(
            "text", metadata={"name": "text", "namespace": namespace}, string_data={"key": word}, opts=options
        )
        kubernetes.core.v1.Secret(
            "data", metadata={"name": "data", "namespace": namespace}, data={"key": encoded}, opts=options
        )
        kubernetes.core.v1.ConfigMap(
            "map",
            metadata={"name": "map", "namespace": namespace},
            data={"key": pulumi.Output.secret(word), "open": "plain"},
            opts=options,
        )
        kubernetes.helm.v3.Release(
            "release",
            name="secretive",
            chart=str(chart),
            namespace=namespace,
            values={"nested": {"key": pulumi.Output.secret(word)}},
            opts=options,
        )

    key = next(line for line in api_server.kubeconfig.splitlines() if "server:" in line).split()[1]
    texts = [engine.up(lambda: program(WORD), log_flow=True).text, engine.state_text()]
    texts.append(engine.preview(lambda: program(WORD + "-2"), diff=True).text)
    texts.append(engine.up(lambda: program(WORD + "-2"), diff=True).text)
    # By hand, so that the refresh has something to report.
    patch = json.dumps({"stringData": {"key": WORD + "-3"}})
    api_server.kubectl("patch", "secret", "text", "-n", namespace, "--type=merge", f"--patch={patch}")
    texts.append(engine.refresh().text)
    texts.append(engine.state_text())
    encoded = base64.b64encode(WORD.encode()).decode().rstrip("=")[:-2]
    for text in texts:
        assert WORD not in text
        assert encoded not in text
    assert key not in texts[1], "the kubeconfig was given as a secret"
    assert api_server.get("configmap", "map", "-n", namespace)["data"]["key"] == WORD + "-2"
