"""Objects of built-in kinds, through a real engine on a real API server."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("Kubernetes objects through whichever plugin is installed", step=2)


def test_an_object_lives_through_create_update_and_delete(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(replicas: int, role: bool) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        kubernetes.core.v1.ServiceAccount(
            "account",
            metadata={"name": "account", "namespace": namespace, "labels": {"count": str(replicas)}},
            opts=options,
        )
        if role:
            kubernetes.rbac.v1.ClusterRole(
                "role",
                metadata={"name": f"{namespace}-role"},
                rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}],
                opts=options,
            )

    created = engine.up(lambda: program(1, True))
    assert created.operations["account"] == created.operations["role"] == "create"
    assert api_server.get("clusterrole", f"{namespace}-role")["rules"][0]["resources"] == ["pods"]
    assert engine.state()["account"]["id"] == f"{namespace}/account"
    assert engine.state()["role"]["id"] == f"{namespace}-role"

    assert engine.preview(lambda: program(1, True)).changed() == {}
    planned = engine.preview(lambda: program(2, False))
    assert planned.changed() == {"account": "update", "role": "delete"}
    assert planned.differences["account"] == ["metadata.labels.count"]
    assert api_server.get("serviceaccount", "account", "-n", namespace)["metadata"]["labels"]["count"] == "1"

    updated = engine.up(lambda: program(2, False))
    assert updated.operations["account"] == "update"
    assert api_server.get("serviceaccount", "account", "-n", namespace)["metadata"]["labels"]["count"] == "2"
    assert not api_server.has("clusterrole", f"{namespace}-role")


def test_contents_replace_a_secret_unless_the_provider_calls_it_mutable(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(value: str) -> None:
        strict = kubernetes.Provider("strict", kubeconfig=api_server.kubeconfig)
        mutable = kubernetes.Provider(
            "mutable",
            kubeconfig=api_server.kubeconfig,
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
        )
        for name, provider in (("strict", strict), ("mutable", mutable)):
            options = pulumi.ResourceOptions(provider=provider)
            metadata = {"name": name, "namespace": namespace}
            kubernetes.core.v1.Secret(f"{name}-secret", metadata=metadata, string_data={"key": value}, opts=options)
            kubernetes.core.v1.ConfigMap(f"{name}-map", metadata=metadata, data={"key": value}, opts=options)
        kubernetes.core.v1.ConfigMap("unnamed", data={"key": value}, opts=options)

    engine.up(lambda: program("one"))
    before = {kind: api_server.get(kind, "mutable", "-n", namespace)["metadata"] for kind in ("secret", "configmap")}
    unnamed = engine.state()["unnamed"]["id"]
    assert unnamed.startswith("default/unnamed-")

    changed = engine.up(lambda: program("two"))
    assert changed.operations["mutable-secret"] == changed.operations["mutable-map"] == "update"
    assert changed.operations["unnamed"] == "update"
    for name in ("strict-secret", "strict-map"):
        assert changed.operations[name] in ("replace", "delete-replaced", "create-replacement")
    after = {kind: api_server.get(kind, "mutable", "-n", namespace)["metadata"] for kind in ("secret", "configmap")}
    assert {kind: meta["uid"] for kind, meta in after.items()} == {kind: meta["uid"] for kind, meta in before.items()}
    for name in ("strict", "mutable"):
        assert api_server.get("secret", name, "-n", namespace)["data"]["key"] == "dHdv"
        assert api_server.get("configmap", name, "-n", namespace)["data"]["key"] == "two"
    assert engine.state()["unnamed"]["id"] == unnamed


def test_an_immutable_field_or_another_name_replaces_the_object(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(role: str, name: str) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        kubernetes.rbac.v1.RoleBinding(
            "binding",
            metadata={"name": "binding", "namespace": namespace},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
            opts=options,
        )
        kubernetes.core.v1.ServiceAccount("account", metadata={"name": name, "namespace": namespace}, opts=options)

    engine.up(lambda: program("view", "first"))
    planned = engine.preview(lambda: program("edit", "second"))
    assert planned.differences["binding"] == ["roleRef.name"]
    assert planned.differences["account"] == ["metadata.name"]
    engine.up(lambda: program("edit", "second"))
    assert api_server.get("rolebinding", "binding", "-n", namespace)["roleRef"]["name"] == "edit"
    assert api_server.has("serviceaccount", "second", "-n", namespace)
    assert not api_server.has("serviceaccount", "first", "-n", namespace)
    assert engine.state()["account"]["id"] == f"{namespace}/second"


def test_preview_acts_on_nothing_even_before_the_cluster_is_known(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def program(kubeconfig: pulumi.Input[str]) -> None:
        provider = kubernetes.Provider("later", kubeconfig=kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        metadata = {"name": "planned", "namespace": namespace}
        kubernetes.core.v1.ConfigMap("planned", metadata=metadata, data={"key": "value"}, opts=options)
        kubernetes.core.v1.Secret("unnamed", string_data={"key": "value"}, opts=options)

    def later() -> None:
        first = kubernetes.Provider("first", kubeconfig=api_server.kubeconfig)
        cluster = kubernetes.core.v1.ConfigMap("cluster", opts=pulumi.ResourceOptions(provider=first))
        program(cluster.id.apply(lambda _: api_server.kubeconfig))

    assert engine.preview(lambda: program(api_server.kubeconfig)).operations["planned"] == "create"
    assert engine.preview(later).operations["planned"] == "create"
    assert not api_server.has("configmap", "planned", "-n", namespace)
    assert engine.state() == {}


def test_a_namespace_that_comes_late_is_waited_for_and_goes_before_its_deletion_is_reported(
    engine: Engine, api_server: ApiServer
) -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig, namespace="late")
        options = pulumi.ResourceOptions(provider=provider)
        # On purpose without a dependency: the order of manifests is not always told.
        kubernetes.core.v1.ConfigMap("map", metadata={"name": "map"}, data={"key": "value"}, opts=options)
        kubernetes.core.v1.Namespace("late", metadata={"name": "late"}, opts=options)

    engine.up(program)
    assert engine.state()["map"]["id"] == "late/map"
    assert api_server.get("configmap", "map", "-n", "late")["data"] == {"key": "value"}
    engine.destroy()
    assert not api_server.has("namespace", "late")
