"""Patch resources: some fields of an object that somebody else owns, and nothing more."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("Patch resources through whichever plugin is installed", step=2)


def test_a_patch_sets_its_fields_and_gives_them_up_again(engine: Engine, api_server: ApiServer, namespace: str) -> None:
    def program(labels: dict[str, str]) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        kubernetes.core.v1.NamespacePatch(
            "network",
            metadata={"name": namespace, "labels": labels, "annotations": {"pulumi.com/patchForce": "true"}},
            opts=pulumi.ResourceOptions(provider=provider),
        )

    def labels() -> dict[str, str]:
        found: dict[str, str] = api_server.get("namespace", namespace)["metadata"]["labels"]
        return {key: value for key, value in found.items() if key != "kubernetes.io/metadata.name"}

    api_server.kubectl("label", "namespace", namespace, "theirs=kept")
    created = engine.up(lambda: program({"topology.istio.io/network": "one", "second": "label"}))
    assert created.operations["network"] == "create"
    assert engine.state()["network"]["id"] == namespace
    assert labels() == {"theirs": "kept", "topology.istio.io/network": "one", "second": "label"}
    engine.refresh(preview_only=True, expect_no_changes=True)

    changed = engine.up(lambda: program({"topology.istio.io/network": "two"}))
    assert changed.operations["network"] == "update"
    assert labels() == {"theirs": "kept", "topology.istio.io/network": "two"}

    engine.destroy()
    assert labels() == {"theirs": "kept"}


def test_a_field_that_somebody_else_holds_is_only_taken_by_force(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(force: bool) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig, enable_patch_force=force)
        kubernetes.core.v1.NamespacePatch(
            "network",
            metadata={"name": namespace, "labels": {"held": "ours"}},
            opts=pulumi.ResourceOptions(provider=provider),
        )

    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"held": "theirs"}}}
    api_server.kubectl("apply", "--server-side", "--field-manager=somebody", "-f", "-", manifest=manifest)
    assert "conflict" in engine.fail(lambda: program(False))
    assert api_server.get("namespace", namespace)["metadata"]["labels"]["held"] == "theirs"
    engine.up(lambda: program(True))
    assert api_server.get("namespace", namespace)["metadata"]["labels"]["held"] == "ours"
