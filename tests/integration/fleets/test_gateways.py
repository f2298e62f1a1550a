"""Gateways in a running fleet: several into one network, one declared, one by name, two for callers from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.testing import FleetUnderTest, bring_up, settled
from tests.integration.clone import Clone

STACK = "examples/gateways"
CLUSTERS = ("west", "east", "north")

pytestmark = pytest.mark.proof("gateways of clusters, of networks and from outside", step=3)


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


def known_gateways(fleet: FleetUnderTest, cluster: str) -> list[tuple[str, str, str, int]]:
    """Network, cluster, address and port of every gateway that the istiod of a cluster knows."""
    return [(one.network, one.cluster, one.address, one.port) for one in fleet.istiod(cluster).gateways()]


def test_every_istiod_lists_both_gateways_of_the_shared_network_and_the_declared_one(fleet: FleetUnderTest) -> None:
    expected = [
        ("coast", "", "203.0.113.80", 15443),
        ("coast", "east", "203.0.113.20", 15443),
        ("coast", "west", "203.0.113.10", 15443),
    ]
    # A name that nobody knows is left out by istiod, whatever else it knows.
    for cluster in CLUSTERS:
        assert known_gateways(fleet, cluster) == expected


def test_every_check_holds_and_says_which_name_could_not_be_resolved(fleet: FleetUnderTest) -> None:
    report = fleet.run("verify").report
    assert report["ok"], report
    details = {check["cluster"]: check["detail"] for check in report["checks"] if check["name"] == "network-gateways"}
    for cluster in ("west", "east"):
        assert "cannot resolve gateway.north.example:15443 for network inland" in details[cluster]


def test_a_second_up_changes_nothing(fleet: FleetUnderTest) -> None:
    assert fleet.up()["changes"] == {}
    assert fleet.preview() == []


def test_east_west_gateways_have_the_addresses_and_pods_of_the_stack(fleet: FleetUnderTest) -> None:
    gateway = ("istio-eastwestgateway", "--namespace", "istio-system")
    for cluster, ingress in (("west", {"ip": "203.0.113.10"}), ("north", {"hostname": "gateway.north.example"})):
        service = fleet.get(cluster, "service", *gateway)
        (found,) = service["status"]["loadBalancer"]["ingress"]
        assert ingress.items() <= found.items()
        assert fleet.cluster(cluster)["gateway"]["address"] in ingress.values()
    assert fleet.get("west", "service", *gateway)["spec"]["loadBalancerIP"] == "203.0.113.10"
    assert fleet.get("west", "deployment", *gateway)["spec"]["replicas"] == 2


def test_a_gateway_of_the_chart_is_injected_and_has_its_address_and_listeners(fleet: FleetUnderTest) -> None:
    (told,) = fleet.cluster("west")["ingressGateways"]
    assert (told["name"], told["namespace"], told["address"]) == ("shop", "ingress", "203.0.113.11")
    service = fleet.get("west", "service", "shop", "--namespace", "ingress")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.11"
    assert {port["port"] for port in service["spec"]["ports"]} == {15021, 80, 443}
    assert settled(lambda: len(pods(fleet, "west", "ingress", "shop")) == 1, 60)
    (pod,) = pods(fleet, "west", "ingress", "shop")
    (proxy,) = pod["spec"]["containers"]
    assert "proxyv2" in proxy["image"]
    assert {entry["name"]: entry.get("value") for entry in proxy["env"]}["ISTIO_META_CLUSTER_ID"] == "west"
    made = fleet.get("west", "gateways.networking.istio.io", "shop", "--namespace", "ingress")
    assert [server["hosts"] for server in made["spec"]["servers"]] == [
        ["shop.example", "www.shop.example"],
        ["*.shop.example"],
    ]


def test_a_gateway_of_the_gateway_api_is_deployed_by_istiod_and_programmed_with_its_address(
    fleet: FleetUnderTest,
) -> None:
    (told,) = fleet.cluster("north")["ingressGateways"]
    address = told["address"]
    assert address.startswith("198.18.")

    def gateway() -> dict[str, Any]:
        return fleet.sandbox.get(
            STACK, "north", "gateways.gateway.networking.k8s.io", "api", "--namespace", "istio-system"
        )

    def conditions() -> dict[str, str]:
        return {one["type"]: one["status"] for one in gateway()["status"]["conditions"]}

    assert settled(lambda: conditions().get("Programmed") == "True", 60), gateway()["status"]
    assert [one["value"] for one in gateway()["status"]["addresses"]] == [address]
    service = fleet.get("north", "service", "api-istio", "--namespace", "istio-system")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == address
    assert service["spec"]["allocateLoadBalancerNodePorts"] is False
    assert settled(lambda: len(pods(fleet, "north", "istio-system", "api-istio")) == 2, 60)


def pods(fleet: FleetUnderTest, cluster: str, namespace: str, deployment: str) -> list[dict[str, Any]]:
    """The pods of a Deployment."""
    found = fleet.get(cluster, "pods", "--namespace", namespace)["items"]
    return [pod for pod in found if pod["metadata"]["name"].startswith(f"{deployment}-")]
