"""Nodes, pods and what they reach of each other, with real packets between real network namespaces."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pyroute2 import IPRoute

from meshfleet.dataplane.network import machine_network, namespaces, node_network, rules
from meshfleet.dataplane.network.capture import Capture, capturing
from meshfleet.dataplane.network.leftovers import remove_data_plane
from meshfleet.dataplane.network.machine_network import MachineNetwork
from meshfleet.dataplane.network.node_network import NodeNetwork, default_pods
from meshfleet.dataplane.network.place import OUTSIDE, Place, link_name
from meshfleet.dataplane.network.rules import ServicePort, Target
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.verification.traffic import Target as Asked
from meshfleet.verification.traffic import send
from meshfleet.workspace.home import Workspace

pytestmark = [
    pytest.mark.proof("pods as processes in network namespaces", step=2),
    pytest.mark.root("network namespaces"),
]

BALANCED, SERVICE, EMPTY = "198.18.77.7", "10.96.0.9", "10.96.0.10"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Cluster=here\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name that its caller gives it)
        """Says nothing."""


@pytest.fixture
def place(workspace: Workspace) -> Iterator[Place]:
    yield Place.of(workspace)
    remove_data_plane(Place.of(workspace))
    assert namespaces.names(Place.of(workspace).prefix) == ()


def node(cluster: str, network: str, address: str) -> NodeNetwork:
    return NodeNetwork(cluster, network, address, default_pods(address))


def address_of(one: NodeNetwork) -> str:
    return str(next(iter(ipaddress.ip_network(one.pods).hosts())))


@pytest.fixture
def three(place: Place) -> Iterator[tuple[NodeNetwork, NodeNetwork, NodeNetwork]]:
    """Two nodes on one network and one on another, a pod behind each, a server in the last two pods."""
    nodes = (node("a", "one", "198.18.0.11"), node("b", "one", "198.18.0.12"), node("c", "other", "198.18.0.13"))
    for one in nodes:
        node_network.set_up(place, one)
        node_network.connect_pod(place, one, place.pod(one.cluster, "uid"), address_of(one))
    for one in nodes:
        node_network.set_routes_to_peers(place, one)
    _, b, c = nodes
    node_network.set_load_balancer_addresses(place, c, {BALANCED})
    services = {
        "a": [ServicePort(SERVICE, "tcp", 80, (Target(address_of(b), 8000),)), ServicePort(EMPTY, "tcp", 80, ())],
        "b": [],
        "c": [ServicePort(BALANCED, "tcp", 15443, (Target(address_of(c), 8000),))],
    }
    for one in nodes:
        script = rules.node_rules(services[one.cluster], OUTSIDE_RANGE, one.address)
        rules.apply(place.node(one.cluster), script)
    servers = [
        namespaces.inside(place.pod(one.cluster, "uid"), lambda: ThreadingHTTPServer(("", 8000), Answering))
        for one in (b, c)
    ]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield nodes
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def asked(place: Place, address: str, port: int) -> int:
    (reply,) = send(place.pod("a", "uid"), Asked(address, port, "x"), 1, 1.0)
    return reply.code


def test_pods_reach_their_network_services_and_gateways_and_no_pod_of_another_network(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    _, b, c = three
    assert asked(place, address_of(b), 8000) == 200
    assert asked(place, SERVICE, 80) == 200
    assert asked(place, BALANCED, 15443) == 200
    assert asked(place, EMPTY, 80) == 0
    assert asked(place, address_of(c), 8000) == 0
    assert asked(place, c.address, 8000) == 0


def test_what_goes_between_networks_is_seen_and_what_stays_in_one_is_not(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    _, b, _ = three
    with capturing(place) as capture:
        asked(place, address_of(b), 8000)
        asked(place, BALANCED, 15443)
    assert capture.connections() == {(BALANCED, 15443): [False]}
    assert capture.others == {}


def test_what_nobody_had_time_to_look_at_before_the_end_is_seen_all_the_same(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = threading.Event()
    look = Capture.add

    def later(capture: Capture, frame: bytes) -> None:
        # The first one takes until all has been asked and the capture is to end.
        busy.wait(1.0)
        busy.set()
        look(capture, frame)

    monkeypatch.setattr(Capture, "add", later)
    with capturing(place) as capture:
        asked(place, BALANCED, 15443)
    assert capture.connections() == {(BALANCED, 15443): [False]}


def test_a_bridge_between_networks_says_nothing_by_itself(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    def looks_into_multicast() -> dict[str, int]:
        with IPRoute() as netlink:
            return {
                link.get_attr("IFLA_IFNAME"): link.get_nested(
                    "IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_BR_MCAST_SNOOPING"
                )
                for link in netlink.get_links(kind="bridge")
            }

    found = namespaces.inside(place.fabric, looks_into_multicast)
    assert set(found) == {link_name(OUTSIDE), link_name("network", "one"), link_name("network", "other")}
    # Who does joins a group, and tells it to everybody some seconds later: packets that are of nobody's pods.
    assert set(found.values()) == {0}


def test_what_is_there_already_is_kept_and_nothing_of_the_machine_is_touched(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    _, b, _ = three
    before = sorted(os.listdir("/sys/class/net"))
    for one in three:
        node_network.set_up(place, one)
        node_network.connect_pod(place, one, place.pod(one.cluster, "uid"), address_of(one))
    assert asked(place, address_of(b), 8000) == 200
    assert sorted(os.listdir("/sys/class/net")) == before


def test_a_node_goes_with_its_pods_and_the_bridges_with_the_last_node(place: Place) -> None:
    one, other = node("a", "one", "198.18.0.11"), node("b", "one", "198.18.0.12")
    for each in (one, other):
        node_network.set_up(place, each)
        node_network.connect_pod(place, each, place.pod(each.cluster, "uid"), address_of(each))
    node_network.remove_node(place, "a")
    assert namespaces.names(place.prefix) == (place.fabric, place.node("b"), place.pod("b", "uid"))
    node_network.remove_node(place, "b")
    assert namespaces.names(place.prefix) == ()


def test_what_runs_in_a_namespace_ends_with_it(place: Place) -> None:
    namespaces.create(place.fabric)
    sleeping = namespaces.inside(place.fabric, lambda: subprocess.Popen(["sleep", "600"]))
    assert [one.pid for one in namespaces.processes_in(place.fabric)] == [sleeping.pid]
    namespaces.remove(place.fabric)
    assert sleeping.wait(timeout=5) != 0
    assert not namespaces.exists(place.fabric)


def machine_on(place: Place, network: str, router: NodeNetwork) -> MachineNetwork:
    made = MachineNetwork("shop", network, "10.30.0.7")
    machine_network.connect(place, made, router.address)
    return made


def test_a_machine_reaches_pods_of_its_network_and_of_others_the_gateways_alone(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    a, b, c = three
    made = machine_on(place, "one", a)
    for one in three:
        node_network.set_routes_to_peers(place, one)

    def reaches(address: str, port: int) -> bool:
        (reply,) = send(place.machine(made.name), Asked(address, port, "x"), 1, 1.0)
        return reply.code == 200

    # Behind the node that is its router there is no server; it leads on to the other one.
    assert reaches(address_of(b), 8000)
    assert reaches(BALANCED, 15443)
    assert not reaches(address_of(c), 8000)
    assert not reaches(c.address, 8000)


def test_pods_of_its_network_reach_a_machine_for_as_long_as_it_is_there(
    place: Place, three: tuple[NodeNetwork, NodeNetwork, NodeNetwork]
) -> None:
    _, b, c = three
    made = machine_on(place, "one", b)
    for one in three:
        node_network.set_routes_to_peers(place, one)
    server = namespaces.inside(place.machine(made.name), lambda: ThreadingHTTPServer(("", 8000), Answering))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        (reply,) = send(place.pod("c", "uid"), Asked(made.address, 8000, "x"), 1, 1.0)
        assert reply.code == 0
        assert asked(place, made.address, 8000) == 200
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    machine_network.disconnect(place, made.name)
    assert not namespaces.exists(place.machine(made.name))
    assert machine_network.machines(place) == []
    # At once again, whatever the kernel has still to clear away.
    machine_on(place, "one", c)
