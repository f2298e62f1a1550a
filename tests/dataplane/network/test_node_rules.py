"""What a node's nftables script says, worked out without touching anything."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.dataplane.network.node_network import default_pods
from meshfleet.dataplane.network.place import Place, link_name
from meshfleet.dataplane.network.rules import ServicePort, Target, node_rules
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("pods as processes in network namespaces", step=0)


def lines(*services: ServicePort) -> list[str]:
    return [line.strip() for line in node_rules(services, OUTSIDE_RANGE, "198.18.0.7").splitlines()]


def test_a_service_is_led_to_each_of_its_endpoints_alike() -> None:
    found = lines(ServicePort("10.96.0.9", "tcp", 80, (Target("100.64.0.1", 8080), Target("100.64.0.2", 8080))))
    shares = "{ 0 : goto endpoint-0-0, 1 : goto endpoint-0-1 }"
    assert f"ip daddr 10.96.0.9 tcp dport 80 numgen random mod 2 vmap {shares}" in found
    assert "chain endpoint-0-0 { tcp dport 80 dnat to 100.64.0.1:8080; }" in found
    assert "chain endpoint-0-1 { tcp dport 80 dnat to 100.64.0.2:8080; }" in found


def test_a_service_without_endpoints_is_refused_at_once() -> None:
    found = lines(ServicePort("10.96.0.9", "tcp", 80, ()), ServicePort("10.96.0.9", "udp", 53, ()))
    assert "ip daddr 10.96.0.9 tcp dport 80 reject with tcp reset" in found
    assert "ip daddr 10.96.0.9 udp dport 53 reject" in found


def test_gateways_beside_the_range_are_reached_as_those_in_it_are() -> None:
    script = node_rules((), OUTSIDE_RANGE, "198.18.0.7", {"203.0.113.80", "203.0.113.9"}).splitlines()
    reached = [line.split()[-2] for line in script if "ip daddr" in line]
    assert reached == [OUTSIDE_RANGE, "203.0.113.80", "203.0.113.9"]


def test_of_other_networks_nothing_but_gateways_is_reached_and_nobody_there_learns_of_pods() -> None:
    found = lines()
    assert 'iifname != "outside" ip daddr 198.18.0.0/16 accept' in found
    assert "type filter hook forward priority filter; policy drop;" in found
    assert 'oifname "outside" snat to 198.18.0.7' in found


def test_the_script_is_the_same_in_whichever_order_services_are_listed() -> None:
    one = ServicePort("10.96.0.9", "tcp", 80, (Target("100.64.0.1", 8080),))
    other = ServicePort("10.96.0.8", "tcp", 80, ())
    assert lines(one, other) == lines(other, one)


@given(st.integers(0, 65533), st.integers(0, 65533))
def test_no_two_nodes_have_pods_of_the_same_range(first: int, second: int) -> None:
    base = ipaddress.ip_address("198.18.0.1")
    one, other = (ipaddress.ip_network(default_pods(str(base + number))) for number in (first, second))
    assert one.overlaps(other) == (first == second)
    assert one.overlaps(ipaddress.ip_network("100.64.0.0/10"))


def test_names_of_interfaces_fit_the_kernel_and_differ() -> None:
    names = {link_name("pod", f"mf-{number}") for number in range(500)}
    assert len(names) == 500
    assert all(len(name) <= 15 for name in names)


def test_the_namespaces_of_one_cluster_are_not_those_of_another_whose_name_it_begins(workspace: Workspace) -> None:
    place = Place.of(workspace)
    assert not place.pod("west-2", "uid").startswith(place.pods("west"))
    assert place.pod("west", "uid").startswith(place.pods("west"))


def test_fleets_of_other_homes_and_names_have_other_namespaces(workspace: Workspace) -> None:
    others = [Workspace("other", workspace.home), Workspace(workspace.fleet, workspace.home / "elsewhere")]
    assert len({Place.of(one).identity for one in (workspace, *others)}) == 3
