"""Which cluster a provider means, and what happens when it is another one, gone, or none."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from meshfleet.automation.objects_in_place import with_foreign_managers
from meshfleet.automation.pending_objects import as_recorded, field_manager
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.kubernetes import shapes
from tests.plugins.kubernetes.conftest import ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("explicit providers only, each for one cluster", step=2)


def unreachable(kubeconfig: str) -> str:
    """The same kubeconfig, with the port of a server that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = [
        f"    server: https://127.0.0.1:{port}" if line.strip().startswith("server:") else line
        for line in kubeconfig.splitlines()
    ]
    return "\n".join(lines) + "\n"


def program(kubeconfig: str, namespace: str, value: str = "value", **settings: object) -> None:
    """One ConfigMap in one cluster."""
    provider = kubernetes.Provider("cluster", kubeconfig=kubeconfig, **settings)
    kubernetes.core.v1.ConfigMap(
        "map",
        metadata={"name": "map", "namespace": namespace},
        data={"key": value},
        opts=pulumi.ResourceOptions(provider=provider),
    )


def test_other_credentials_for_the_same_cluster_replace_nothing_and_another_cluster_does(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    first = api_server.kubeconfig
    second = first.replace("127.0.0.1", "localhost")
    assert first != second
    engine.up(lambda: program(first, namespace, cluster_identifier="west"))
    assert "map" not in engine.preview(lambda: program(second, namespace, cluster_identifier="west")).changed()
    moved = engine.preview(lambda: program(first, namespace, cluster_identifier="east"))
    assert moved.operations["map"] in ("replace", "delete-replaced", "create-replacement")
    unnamed = engine.preview(lambda: program(second, namespace))
    assert unnamed.operations["map"] in ("replace", "delete-replaced", "create-replacement")


def test_an_unreachable_cluster_is_an_error_that_names_it_and_can_be_forgotten(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    gone = unreachable(api_server.kubeconfig)
    server = next(line.split()[1] for line in gone.splitlines() if line.strip().startswith("server:"))
    assert server in engine.fail(lambda: program(gone, namespace))

    engine.up(lambda: program(api_server.kubeconfig, namespace, cluster_identifier="west"))
    lost = engine.fail(lambda: program(gone, namespace, "other", cluster_identifier="west"))
    assert server in lost
    assert "map" in engine.state()

    skipped = engine.up(
        lambda: program(gone, namespace, "other", cluster_identifier="west", skip_update_unreachable=True)
    )
    assert "map" not in skipped.changed()
    engine.up(lambda: program(gone, namespace, cluster_identifier="west", delete_unreachable=True))
    assert engine.refresh().changed() == {"map": "delete"}
    assert api_server.has("configmap", "map", "-n", namespace)


def test_an_object_of_somebody_else_is_not_adopted_unless_the_user_says_so(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    api_server.kubectl("create", "configmap", "map", "-n", namespace, "--from-literal=theirs=1")
    assert "already exists" in engine.fail(lambda: program(api_server.kubeconfig, namespace))
    assert api_server.get("configmap", "map", "-n", namespace)["data"] == {"theirs": "1"}
    engine.up(lambda: program(api_server.kubeconfig, namespace, upsert_existing_objects=True))
    assert api_server.get("configmap", "map", "-n", namespace)["data"] == {"theirs": "1", "key": "value"}


def test_an_object_that_is_still_being_deleted_is_not_applied_to_and_its_successor_stays(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    there = ("configmap", "map", "-n", namespace)
    api_server.kubectl("create", *there, "--from-literal=theirs=1")
    api_server.kubectl("patch", *there, "--type=merge", '--patch={"metadata": {"finalizers": ["example.com/held"]}}')
    api_server.kubectl("delete", *there, "--wait=false")
    free = ("patch", *there, "--type=merge", '--patch={"metadata": {"finalizers": null}}')
    later = threading.Timer(4, lambda: api_server.kubectl(*free))
    later.start()
    engine.up(lambda: program(api_server.kubeconfig, namespace, upsert_existing_objects=True))
    later.join()
    assert api_server.get(*there)["data"] == {"key": "value"}


def test_what_an_interrupted_run_made_of_an_object_is_recorded_above_the_plugin(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def keyed(key: str) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig, enable_config_map_mutable=True)
        options = pulumi.ResourceOptions(provider=provider)
        kubernetes.core.v1.ConfigMap(
            "map", metadata={"name": "map", "namespace": namespace}, data={key: "value"}, opts=options
        )

    engine.up(lambda: keyed("first"))
    begun = {key: value for key, value in engine.state()["map"].items() if key not in ("id", "outputs")}
    engine.forget("map")
    assert "already exists" in engine.fail(lambda: keyed("last"))
    live = api_server.get("configmap", "map", "-n", namespace, "--show-managed-fields")
    manager = field_manager(live, begun["urn"])
    assert manager is not None
    engine.record(as_recorded(begun, live["metadata"], manager))
    assert engine.up(lambda: keyed("last"), refresh=True).operations["map"] == "update"
    # Its fields are the resource's, so one that is no longer declared goes.
    assert api_server.get("configmap", "map", "-n", namespace)["data"] == {"last": "value"}
    assert engine.preview(lambda: keyed("last")).changed() == {}


def test_what_was_recorded_as_it_was_found_is_updated_and_keeps_the_fields_of_others(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def wanted() -> None:
        program(api_server.kubeconfig, namespace, enable_config_map_mutable=True, enable_patch_force=True)

    engine.up(wanted)
    begun = {key: value for key, value in engine.state()["map"].items() if key not in ("id", "outputs")}
    engine.forget("map")
    api_server.kubectl("delete", "configmap", "map", "-n", namespace)
    theirs = ("--from-literal=theirs=1", "--from-literal=key=old")
    api_server.kubectl("create", "configmap", "map", "-n", namespace, *theirs)
    with connected(api_server.kubeconfig) as server:
        live = server.get(f"api/v1/namespaces/{namespace}/configmaps/map", "the map") or {}
        named = with_foreign_managers(live)
        assert named is not None
        server.replace(f"api/v1/namespaces/{namespace}/configmaps/map", named, "the map", manager="meshfleet")
    found = {**begun["inputs"], "data": {"key": "old"}}
    manager = shapes.field_manager(begun["urn"], {}, None)
    engine.record(as_recorded({**begun, "inputs": found}, live["metadata"], manager))
    assert engine.up(wanted).operations["map"] == "update"
    after = api_server.get("configmap", "map", "-n", namespace)
    assert after["data"] == {"theirs": "1", "key": "value"}
    assert after["metadata"]["uid"] == live["metadata"]["uid"]


def test_what_the_state_has_of_an_object_is_what_brings_it_back(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def registered(body: dict[str, Any]) -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig, enable_config_map_mutable=True)
        KubernetesObject("map", body, pulumi.ResourceOptions(provider=provider))

    declared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map", "namespace": namespace}}
    engine.up(lambda: registered(declared | {"data": {"key": "old"}}))
    before = api_server.get("configmap", "map", "-n", namespace)
    recorded = {key: value for key, value in engine.state()["map"]["inputs"].items() if value is not None}
    engine.up(lambda: registered(declared | {"data": {"key": "new", "more": "1"}}))
    assert engine.up(lambda: registered(recorded)).operations["map"] == "update"
    after = api_server.get("configmap", "map", "-n", namespace)
    assert (after["data"], after["metadata"]["uid"]) == (before["data"], before["metadata"]["uid"])
    assert engine.preview(lambda: registered(declared | {"data": {"key": "old"}})).changed() == {}


def test_an_object_that_was_deleted_by_hand_is_not_changed_until_a_refresh(
    engine: Engine, api_server: ApiServer, namespace: str
) -> None:
    def changed() -> None:
        program(api_server.kubeconfig, namespace, "other", enable_config_map_mutable=True)

    engine.up(lambda: program(api_server.kubeconfig, namespace, enable_config_map_mutable=True))
    api_server.kubectl("delete", "configmap", "map", "-n", namespace)
    assert "not found" in engine.fail(changed)
    assert engine.up(changed, refresh=True).operations["map"] == "create"


def test_without_any_kubeconfig_nothing_happens(
    engine: Engine, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch, namespace: str, tmp_path: Path
) -> None:
    # The stand-in reads the one of the provider alone, the official plugin those of the user as well.
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    message = engine.fail(lambda: program("", namespace))
    assert "kubeconfig" in message or "no configuration has been provided" in message
    assert not api_server.has("configmap", "map", "-n", namespace)


def test_what_the_stand_in_cannot_do_it_refuses_by_name(
    engine: Engine, api_server: ApiServer, official_plugin: object
) -> None:
    def unsupported() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        options = pulumi.ResourceOptions(provider=provider)
        kubernetes.yaml.v2.ConfigGroup("group", yaml="{}", opts=options)

    if official_plugin is not None:
        engine.up(unsupported)
        return
    message = engine.fail(unsupported)
    assert "kubernetes:yaml/v2:ConfigGroup" in message
    assert "official plugin" in message
