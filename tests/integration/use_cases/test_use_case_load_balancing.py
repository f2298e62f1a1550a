"""Cross-cluster load balancing: every cluster responds, from everywhere, and nothing but TLS is seen in between."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from meshfleet.dataplane.network import links, namespaces
from meshfleet.dataplane.network.capture import Capture, capturing
from meshfleet.dataplane.network.place import OUTSIDE, link_name
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.testing import FleetUnderTest, Sender, answered, settled
from meshfleet.verification.checks.traffic_wire import gateways, judge
from tests.integration.clone import Clone
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("requests to one Service are spread over all clusters, from wherever they come", step=4),
    pytest.mark.root("real requests"),
]

CLUSTERS = ("west", "east")
CATALOG, PRICES = "shop/catalog", "shop/prices"
REQUESTS = 200
STRANGER = "198.18.255.250"
"""An address outside of all networks that no gateway has."""


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "load-balancing") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_cluster_answers_from_everywhere_and_no_request_is_lost(fleet: FleetUnderTest, cluster: str) -> None:
    replies = Sender(fleet, cluster, CATALOG).send(CATALOG, REQUESTS)
    assert [one for one in replies if one.code != 200] == []
    counted = answered(replies)
    assert counted.keys() == set(CLUSTERS)
    assert counted.total() == REQUESTS
    # Half each is meant. Outside of this are fewer than 1 in 10,000 runs of 200 throws of a coin.
    assert all(72 <= number <= 128 for number in counted.values()), counted


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_whoever_answers_sees_the_identity_of_the_caller(fleet: FleetUnderTest, cluster: str) -> None:
    sender = Sender(fleet, cluster, CATALOG)
    replies = sender.send(CATALOG, 20)
    assert {one.cluster for one in replies} == set(CLUSTERS)
    assert {one.peer for one in replies} == {sender.identity}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_runs_in_one_cluster_only_is_reached_from_all(fleet: FleetUnderTest, cluster: str) -> None:
    sender = Sender(fleet, cluster, CATALOG)
    replies = sender.send(PRICES, REQUESTS)
    assert answered(replies) == {"east": REQUESTS}
    assert {one.peer for one in replies} == {sender.identity}


def test_between_the_networks_there_is_tls_to_the_gateways_port_and_nothing_else(fleet: FleetUnderTest) -> None:
    with capturing(fleet.place) as capture:
        replies = Sender(fleet, "west", CATALOG).send(CATALOG, 20)
    assert answered(replies)["east"] > 0
    found = judge(capture, gateways(fleet.view))
    assert found.passed, found.detail
    east = fleet.cluster("east")["gateway"]
    assert (east["address"], 15443) in capture.connections()


@pytest.fixture
def stranger(fleet: FleetUnderTest) -> Iterator[str]:
    """The address of somebody on the bridge between the networks who is no gateway."""
    made, address = f"{fleet.place.prefix}stranger", STRANGER
    outside = link_name(OUTSIDE)

    def configure() -> None:
        links.set_addresses("eth0", {address})
        links.add_route(OUTSIDE_RANGE, "eth0")

    namespaces.create(made)
    try:
        links.connect(made, fleet.place.fabric, "eth0", link_name("stranger"), outside)
        namespaces.inside(made, configure)
        yield made
    finally:
        namespaces.remove(made)


def test_the_check_of_the_wire_sees_who_speaks_to_no_gateway_or_in_clear_text(
    fleet: FleetUnderTest, stranger: str
) -> None:
    allowed = gateways(fleet.view)
    east = fleet.cluster("east")["gateway"]["address"]

    def listen() -> socket.socket:
        return socket.create_server(("0.0.0.0", 5432))

    def say(address: str, port: int) -> None:
        with socket.create_connection((address, port), timeout=5) as connection:
            connection.sendall(b"SELECT * FROM customers;")

    with namespaces.inside(stranger, listen), capturing(fleet.place) as capture:
        # From a node, as a pod that found a way past its gateway would.
        namespaces.inside(fleet.place.node("west"), lambda: say(STRANGER, 5432))
        assert settled(lambda: (STRANGER, 5432) in capture.connections(), 5)
    found = judge(capture, allowed)
    assert not found.passed
    assert found.detail.startswith(f"not to a gateway: {STRANGER}:5432; not TLS: {STRANGER}:5432")

    with capturing(fleet.place) as plain:
        namespaces.inside(stranger, lambda: say(east, 15443))
        assert settled(lambda: said(plain, east), 5)
    found = judge(plain, allowed)
    assert not found.passed
    assert found.detail.startswith(f"not TLS: {east}:15443")


def said(capture: Capture, address: str) -> bool:
    """Whether a connection to the gateway was seen that is not TLS."""
    return not all(capture.connections().get((address, 15443), [True]))
