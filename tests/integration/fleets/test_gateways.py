"""Gateways in a running fleet: several into one network, one declared, one by name, two for callers from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.integration.clone import Clone
from tests.integration.world import World, make_world, settled

STACK = "gateways"
CLUSTERS = ("west", "east", "north")

pytestmark = pytest.mark.proof("gateways of clusters, of networks and from outside", step=3)


@dataclass(frozen=True)
class Gateways:
    """The fleet of the example, and its status."""

    world: World
    status: dict[str, Any]

    def entry(self, cluster: str) -> dict[str, Any]:
        """What status says of a cluster."""
        return next(entry for entry in self.status["clusters"] if entry["name"] == cluster)

    def networkz(self, cluster: str) -> list[tuple[str, str, str, int]]:
        """Network, cluster, address and port of every gateway that the istiod of a cluster knows."""
        url = self.entry(cluster)["controlPlane"]["debugUrl"]
        found = httpx2.get(f"{url}/debug/networkz", timeout=10, trust_env=False).raise_for_status().json()
        return sorted((one["Network"], one["Cluster"], one["Addr"], one["Port"]) for one in found)

    def verify(self) -> dict[str, Any]:
        """The answers of the verification."""
        report: dict[str, Any] = self.world.meshfleet(
            "verify", "--stack", f"examples/{STACK}", "--json", expect=None
        ).answer
        return report


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Gateways]:
    with make_world(clone) as world:
        world.meshfleet("up", "--stack", f"examples/{STACK}", "--json")
        yield Gateways(world, world.meshfleet("status", "--stack", f"examples/{STACK}", "--json").answer)
        world.meshfleet("destroy", "--stack", f"examples/{STACK}", "--yes")
        assert world.remains(STACK) == []


def test_every_istiod_lists_both_gateways_of_the_shared_network_and_the_declared_one(fleet: Gateways) -> None:
    expected = [
        ("coast", "", "203.0.113.80", 15443),
        ("coast", "east", "203.0.113.20", 15443),
        ("coast", "west", "203.0.113.10", 15443),
    ]
    # A name that nobody knows is left out by istiod, whatever else it knows.
    for cluster in CLUSTERS:
        assert fleet.networkz(cluster) == expected


def test_every_check_holds_and_says_which_name_could_not_be_resolved(fleet: Gateways) -> None:
    report = fleet.verify()
    assert report["ok"], report
    details = {check["cluster"]: check["detail"] for check in report["checks"] if check["name"] == "network-gateways"}
    for cluster in ("west", "east"):
        assert "cannot resolve gateway.north.example:15443 for network inland" in details[cluster]


def test_a_second_up_changes_nothing(fleet: Gateways) -> None:
    assert fleet.world.meshfleet("up", "--stack", f"examples/{STACK}", "--json").answer["changes"] == {}
    arguments = ("preview", "--stack", f"examples/{STACK}", "--expect-no-changes", "--json")
    assert fleet.world.meshfleet(*arguments).answer["changes"] == []


def test_east_west_gateways_have_the_addresses_and_pods_they_ask_for(fleet: Gateways) -> None:
    gateway = ("istio-eastwestgateway", "--namespace", "istio-system")
    for cluster, ingress in (("west", {"ip": "203.0.113.10"}), ("north", {"hostname": "gateway.north.example"})):
        service = fleet.world.get(STACK, cluster, "service", *gateway)
        (found,) = service["status"]["loadBalancer"]["ingress"]
        assert ingress.items() <= found.items()
        assert fleet.entry(cluster)["gateway"]["address"] in ingress.values()
    assert fleet.world.get(STACK, "west", "service", *gateway)["spec"]["loadBalancerIP"] == "203.0.113.10"
    assert fleet.world.get(STACK, "west", "deployment", *gateway)["spec"]["replicas"] == 2


def test_a_gateway_of_the_chart_is_injected_and_has_its_address_and_listeners(fleet: Gateways) -> None:
    (told,) = fleet.entry("west")["ingressGateways"]
    assert (told["name"], told["namespace"], told["address"]) == ("shop", "ingress", "203.0.113.11")
    service = fleet.world.get(STACK, "west", "service", "shop", "--namespace", "ingress")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.11"
    assert {port["port"] for port in service["spec"]["ports"]} == {15021, 80, 443}
    assert settled(lambda: len(pods(fleet, "west", "ingress", "shop")) == 1, 60)
    (pod,) = pods(fleet, "west", "ingress", "shop")
    (proxy,) = pod["spec"]["containers"]
    assert "proxyv2" in proxy["image"]
    assert {entry["name"]: entry.get("value") for entry in proxy["env"]}["ISTIO_META_CLUSTER_ID"] == "west"
    made = fleet.world.get(STACK, "west", "gateways.networking.istio.io", "shop", "--namespace", "ingress")
    assert [server["hosts"] for server in made["spec"]["servers"]] == [
        ["shop.example", "www.shop.example"],
        ["*.shop.example"],
    ]


def test_a_gateway_of_the_gateway_api_is_deployed_by_istiod_and_programmed_with_its_address(fleet: Gateways) -> None:
    (told,) = fleet.entry("north")["ingressGateways"]
    address = told["address"]
    assert address.startswith("198.18.")

    def gateway() -> dict[str, Any]:
        return fleet.world.get(
            STACK, "north", "gateways.gateway.networking.k8s.io", "api", "--namespace", "istio-system"
        )

    def conditions() -> dict[str, str]:
        return {one["type"]: one["status"] for one in gateway()["status"]["conditions"]}

    assert settled(lambda: conditions().get("Programmed") == "True", 60), gateway()["status"]
    assert [one["value"] for one in gateway()["status"]["addresses"]] == [address]
    service = fleet.world.get(STACK, "north", "service", "api-istio", "--namespace", "istio-system")
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == address
    assert service["spec"]["allocateLoadBalancerNodePorts"] is False
    assert settled(lambda: len(pods(fleet, "north", "istio-system", "api-istio")) == 2, 60)


def pods(fleet: Gateways, cluster: str, namespace: str, deployment: str) -> list[dict[str, Any]]:
    """The pods of a Deployment."""
    found = fleet.world.get(STACK, cluster, "pods", "--namespace", namespace)["items"]
    return [pod for pod in found if pod["metadata"]["name"].startswith(f"{deployment}-")]
