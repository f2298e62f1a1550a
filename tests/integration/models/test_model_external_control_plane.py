"""A control plane that runs in a cluster outside of the mesh that it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from tests.integration.clone import Clone
from tests.integration.models.running import Running, running

pytestmark = pytest.mark.proof("the model external control plane", step=3)

NAMESPACE = "istiod-config"
SERVED = ("config", "branch")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "external-control-plane") as made:
        yield made


def test_it_is_verified(fleet: Running) -> None:
    assert fleet.model("shop") == "external control plane, several networks"
    assert fleet.model("operations") == "single cluster"
    assert fleet.verified()["remote-control-plane"] == set(SERVED)


def test_the_istiod_carries_the_name_of_its_config_cluster_and_reads_its_mesh_alone(fleet: Running) -> None:
    assert fleet.process("config").environ()["CLUSTER_ID"] == "config"
    # Its own cluster is the one that no Secret tells it of.
    assert fleet.known_to("config") == {"config": "", "branch": f"{NAMESPACE}/istio-remote-secrets"}
    assert fleet.shards("config") == set(SERVED)
    assert fleet.gateways("config") == {name: f"network-{name}" for name in SERVED}
    assert fleet.peers_told("config") == {NAMESPACE: {"branch"}}


def test_it_acts_under_the_token_of_its_own_account_and_no_certificate(fleet: Running) -> None:
    path = fleet.world.home / "fleets" / fleet.stack / "istiods" / "config.default" / "kubeconfig"
    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    assert [sorted(user["user"]) for user in content["users"]] == [["token"]]
    who = fleet.world.run(
        [fleet.world.kubectl_program, "--kubeconfig", str(path), "auth", "whoami", "--output", "json"]
    ).answer
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{NAMESPACE}:istiod"
    used = {cluster["cluster"]["server"] for cluster in content["clusters"]}
    assert used == {fleet.cluster("config")["server"]}


def test_what_its_pod_would_mount_is_beside_it(fleet: Running) -> None:
    secrets = fleet.names("operations", "secrets", "--namespace", NAMESPACE)
    assert {"cacerts", "istio-kubeconfig"} <= secrets
    assert "istiod" in fleet.names("operations", "deployments", "--namespace", NAMESPACE)
    for cluster in SERVED:
        fleet.assert_leads_to_gateway_of(cluster, "operations")


@pytest.mark.parametrize("cluster", SERVED)
def test_it_injects_the_clusters_it_serves_and_they_trust_the_root_of_their_mesh(fleet: Running, cluster: str) -> None:
    assert fleet.injected_by(cluster) == ["config"]
    fleet.assert_served_from_elsewhere(cluster, "shop")


def test_nothing_of_the_mesh_is_in_the_istiod_of_the_host_and_nothing_of_the_host_in_the_mesh(fleet: Running) -> None:
    assert fleet.known_to("operations") == {"operations": ""}
    assert fleet.shards("operations") == {"operations"}
    assert fleet.gateways("operations") == {}
    assert fleet.peers_told("operations") == {}
    configuration = json.dumps(fleet.debug("operations", "configz"))
    assert "istiod-gateway" in configuration
    assert "cross-network-gateway" not in configuration
    assert "cross-network-gateway" in json.dumps(fleet.debug("config", "configz"))
    assert fleet.given_roots("operations")["default"] == {fleet.root("operations")}
    assert fleet.root("operations") != fleet.root("shop")
