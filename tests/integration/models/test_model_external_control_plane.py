"""A control plane that runs in a cluster outside of the mesh that it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import Running, running

pytestmark = pytest.mark.proof("the model external control plane", step=3)
rooted = pytest.mark.root("real requests")

NAMESPACE = "istiod-config"
SERVED = ("config", "depot", "branch")
REMOTE = SERVED[1:]


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "external-control-plane") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("shop") == "external control plane, several networks"
    assert fleet.model("operations") == "single cluster"
    assert checked["remote-control-plane"] == set(SERVED)


def test_the_istiod_carries_the_name_of_its_config_cluster_and_reads_its_mesh_alone(fleet: Running) -> None:
    assert fleet.process("config").environ()["CLUSTER_ID"] == "config"
    # Its own cluster is the one that no Secret tells it of.
    assert fleet.known_to("config") == {
        "config": "",
        **dict.fromkeys(REMOTE, f"{NAMESPACE}/istio-remote-secrets"),
    }
    assert fleet.shards("config") == set(SERVED)
    assert fleet.gateways("config") == {name: str(fleet.cluster(name)["network"]) for name in SERVED}
    assert fleet.peers_told("config") == {NAMESPACE: set(REMOTE)}


def test_it_acts_under_the_token_of_its_own_account_and_no_certificate(fleet: Running) -> None:
    path = fleet.sandbox.home / "fleets" / fleet.name / "istiods" / "config.default" / "kubeconfig"
    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    assert [sorted(user["user"]) for user in content["users"]] == [["token"]]
    who = fleet.sandbox.run(
        [fleet.sandbox.kubectl_program, "--kubeconfig", str(path), "auth", "whoami", "--output", "json"]
    ).report
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
    configuration = json.dumps(fleet.istiod("operations").page("configz"))
    assert "istiod-gateway" in configuration
    assert "cross-network-gateway" not in configuration
    assert "cross-network-gateway" in json.dumps(fleet.istiod("config").page("configz"))
    assert fleet.given_roots("operations")["default"] == {fleet.root("operations")}
    assert fleet.root("operations") != fleet.root("shop")


@rooted
@pytest.mark.proof("the model external control plane", step=4)
@pytest.mark.parametrize("cluster", SERVED)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, SERVED)


@rooted
@pytest.mark.proof("the model external control plane", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, SERVED, "operations")
    assert checked["traffic-wire"] == set(SERVED)


@rooted
@pytest.mark.proof("the model external control plane", step=4)
def test_the_host_of_the_istiod_answers_its_own_requests_alone(fleet: Running) -> None:
    assert_answered_in(fleet, "operations", ["operations"])
