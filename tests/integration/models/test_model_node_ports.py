"""Gateways without a load balancer: one at a port of the node, one behind a port map; each cluster uses the other's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running

pytestmark = [pytest.mark.extended, pytest.mark.proof("gateways at node ports and behind port maps", step=3)]
rooted = pytest.mark.root("real requests")

NAMES = ("west", "east")
NODE_PORT = 31443
ADVERTISED = ("198.18.200.7", 8443)


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "node-ports") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def known(fleet: Running, viewer: str, network: str) -> list[tuple[str, str, int]]:
    """The gateways into a network that an istiod knows: cluster, address and port."""
    found = fleet.istiod(viewer).gateways()
    return [(one.cluster, one.address, one.port) for one in found if one.network == network]


def external_ip(fleet: Running, cluster: str) -> str:
    """The external IP of the only node of a cluster."""
    (node,) = fleet.get(cluster, "nodes")["items"]
    (address,) = (str(one["address"]) for one in node["status"]["addresses"] if one["type"] == "ExternalIP")
    return address


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, several networks"
    assert checked["network-gateways"] == set(NAMES)


def test_an_istiod_elsewhere_finds_the_external_ip_of_the_node_and_the_node_port(fleet: Running) -> None:
    service = fleet.get("west", "service", GATEWAY, "--namespace", "istio-system")["spec"]
    assert (service["type"], {one["port"]: one["nodePort"] for one in service["ports"]}[15443]) == (
        "NodePort",
        NODE_PORT,
    )
    assert known(fleet, "east", "network-west") == [("west", external_ip(fleet, "west"), NODE_PORT)]


def test_an_istiod_elsewhere_has_the_advertised_address_and_not_that_of_the_service(fleet: Running) -> None:
    assert known(fleet, "west", "network-east") == [("", *ADVERTISED)]


def test_status_tells_the_address_and_the_port_that_others_use(fleet: Running) -> None:
    west, east = (fleet.cluster(name)["gateway"] for name in NAMES)
    assert (west["address"], west["port"]) == (external_ip(fleet, "west"), NODE_PORT)
    assert (east["address"], east["port"]) == ADVERTISED
    assert [(one["address"], one["port"], one["to"]) for one in east["advertised"]] == [(*ADVERTISED, [])]


@rooted
@pytest.mark.proof("gateways at node ports and behind port maps", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("gateways at node ports and behind port maps", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert checked["traffic-wire"] == set(NAMES)
