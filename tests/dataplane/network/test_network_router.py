"""A network of machines without a node: what reaches what, with real packets between real network namespaces."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meshfleet.dataplane.network import machine_network, namespaces, node_network, rules
from meshfleet.dataplane.network.leftovers import remove_data_plane
from meshfleet.dataplane.network.machine_network import MachineNetwork, gateways_outside, machines
from meshfleet.dataplane.network.node_network import NodeNetwork
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.router import routed_networks
from meshfleet.dataplane.network.rules import ServicePort, Target
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.verification.traffic import Target as Asked
from meshfleet.verification.traffic import send
from meshfleet.workspace.home import Workspace

pytestmark = [
    pytest.mark.proof("networks of machines without a cluster", step=2),
    pytest.mark.root("network namespaces"),
]

NODE = NodeNetwork("west", "coast", "198.18.0.11", "100.64.0.0/26")
POD, BALANCED, OUTSIDE, ROUTER = "100.64.0.1", "198.18.77.7", "203.0.113.80", "198.18.0.20"
SHOP = MachineNetwork("shop", "datacenter", "10.30.0.7")
EDGE = MachineNetwork("edge", "datacenter", "10.30.0.8", OUTSIDE)


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Cluster=here\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name that its caller gives it)
        """Says nothing."""


@pytest.fixture
def place(workspace: Workspace) -> Iterator[Place]:
    """A node with a pod on the coast, and a machine in a data centre of its own."""
    made = Place.of(workspace)
    try:
        node_network.set_up(made, NODE)
        node_network.connect_pod(made, NODE, made.pod("west", "uid"), POD)
        node_network.set_load_balancer_addresses(made, NODE, {BALANCED})
        machine_network.connect(made, SHOP, ROUTER, alone_there=True)
        yield made
    finally:
        remove_data_plane(made)
        assert namespaces.names(made.prefix) == ()


def tick(place: Place) -> None:
    """What the agent of the node does again and again."""
    node_network.set_routes_to_peers(place, NODE)
    services = [ServicePort(BALANCED, "tcp", 15443, (Target(POD, 8000),))]
    gateways = gateways_outside(machines(place))
    rules.apply(place.node("west"), rules.node_rules(services, OUTSIDE_RANGE, NODE.address, gateways))


@contextmanager
def serving(namespace: str) -> Iterator[None]:
    server = namespaces.inside(namespace, lambda: ThreadingHTTPServer(("", 8000), Answering))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(namespace: str, address: str, port: int) -> int:
    (reply,) = send(namespace, Asked(address, port, "x"), 1, 1.0)
    return reply.code


def test_a_machine_behind_its_own_router_reaches_gateways_and_no_pod_behind_them(place: Place) -> None:
    tick(place)
    with serving(place.pod("west", "uid")):
        assert asked(place.machine("shop"), BALANCED, 15443) == 200
        assert asked(place.machine("shop"), POD, 8000) == 0
        assert asked(place.machine("shop"), NODE.address, 8000) == 0


def test_nothing_outside_reaches_a_machine_behind_its_own_router(place: Place) -> None:
    tick(place)
    with serving(place.machine("shop")):
        assert asked(place.pod("west", "uid"), SHOP.address, 8000) == 0
        assert asked(place.pod("west", "uid"), ROUTER, 8000) == 0


def test_a_gateway_of_machines_is_reached_from_outside_at_its_address_and_reaches_the_others(place: Place) -> None:
    machine_network.connect(place, EDGE, ROUTER, alone_there=True)
    tick(place)
    with serving(place.machine("edge")), serving(place.machine("shop")):
        assert asked(place.pod("west", "uid"), OUTSIDE, 8000) == 200
        assert asked(place.machine("edge"), SHOP.address, 8000) == 200
        assert asked(place.machine("shop"), EDGE.address, 8000) == 200
        assert asked(place.pod("west", "uid"), SHOP.address, 8000) == 0
    with serving(place.pod("west", "uid")):
        assert asked(place.machine("edge"), BALANCED, 15443) == 200


def test_machines_of_another_such_network_reach_the_gateway_alone(place: Place) -> None:
    machine_network.connect(place, EDGE, ROUTER, alone_there=True)
    machine_network.connect(place, MachineNetwork("till", "branch", "10.30.0.7"), "198.18.0.21", alone_there=True)
    with serving(place.machine("edge")):
        assert asked(place.machine("till"), OUTSIDE, 8000) == 200
        assert asked(place.machine("till"), EDGE.address, 8000) == 0


def test_a_router_goes_with_the_last_machine_of_its_network_and_may_come_again_at_once(place: Place) -> None:
    machine_network.connect(place, EDGE, ROUTER, alone_there=True)
    machine_network.disconnect(place, "shop")
    assert routed_networks(place) == ("datacenter",)
    machine_network.disconnect(place, "edge")
    assert routed_networks(place) == ()
    machine_network.connect(place, SHOP, ROUTER, alone_there=True)
    tick(place)
    with serving(place.pod("west", "uid")):
        assert asked(place.machine("shop"), BALANCED, 15443) == 200
