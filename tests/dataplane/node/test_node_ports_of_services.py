"""Node ports at the node's own address, and port maps in front of a gateway, as packets are led to them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.dataplane.network.rules import ServicePort, Target, node_rules
from meshfleet.dataplane.node.services import Leads, leads
from meshfleet.embedded.addresses import OUTSIDE_RANGE

pytestmark = pytest.mark.proof("gateways at node ports and behind port maps", step=0)

NODE = "198.18.0.7"
GATEWAY = "istio-eastwestgateway"
TARGET = Target("100.64.0.1", 15443)


def led(*, node_port: object = None, port_map: str = "", name: str = GATEWAY, namespace: str = "istio-system") -> Leads:
    """What a node does for one Service with the port 15443 and one endpoint."""
    described = {"name": name, "namespace": namespace, "uid": "u", "generation": 1}
    service: Any = SimpleNamespace(
        metadata=SimpleNamespace(**described, labels=None, annotations={"meshfleet.dev/port-map": port_map}),
        spec=SimpleNamespace(
            type="NodePort",
            clusterIP="10.96.0.9",
            ports=[SimpleNamespace(name="tls", port=15443, protocol="TCP", nodePort=node_port)],
        ),
        status=None,
    )
    endpoints: Any = SimpleNamespace(
        metadata=SimpleNamespace(**described, labels={"kubernetes.io/service-name": name}, annotations=None),
        addressType="IPv4",
        ports=[SimpleNamespace(name="tls", port=15443, protocol="TCP")],
        endpoints=[SimpleNamespace(addresses=[TARGET.address], conditions=SimpleNamespace(ready=True))],
    )
    return leads([service], [endpoints], NODE)


def places(found: Leads) -> set[tuple[str, int]]:
    """Where the endpoint is reached."""
    assert {one.targets for one in found.ports} == {(TARGET,)}
    return {(one.address, one.port) for one in found.ports}


def test_a_node_port_is_led_from_the_address_of_the_node_alone() -> None:
    assert places(led(node_port=31443)) == {("10.96.0.9", 15443), (NODE, 31443)}
    assert places(led()) == {("10.96.0.9", 15443)}


def test_a_port_map_is_led_to_the_port_of_the_gateway_and_its_address_is_answered_for() -> None:
    found = led(port_map="198.18.200.7:8443=15443,198.18.200.7:8012=15012")
    assert places(found) == {("10.96.0.9", 15443), ("198.18.200.7", 8443)}
    assert found.balancers == {"198.18.200.7"}
    assert not found.left_out


@pytest.mark.parametrize("way", ["198.18.200.7:x=15443", "8443=15443", "127.0.0.1:8443=15443", "198.18.200.7:0=15443"])
def test_a_way_that_is_none_is_left_out_and_reported(way: str) -> None:
    found = led(node_port=31443, port_map=way)
    assert places(found) == {("10.96.0.9", 15443), (NODE, 31443)}
    assert [one.name for one in found.left_out] == [GATEWAY]


@pytest.mark.parametrize(("name", "namespace"), [("mine", "istio-system"), (GATEWAY, "shop")])
def test_no_other_service_takes_an_address_by_a_port_map(name: str, namespace: str) -> None:
    found = led(port_map="198.18.200.7:8443=15443", name=name, namespace=namespace)
    assert places(found) == {("10.96.0.9", 15443)}
    assert not found.balancers


def test_the_rules_of_a_node_lead_a_node_port_to_the_pod() -> None:
    rules = node_rules([ServicePort(NODE, "tcp", 31443, (TARGET,))], OUTSIDE_RANGE, NODE)
    assert f"ip daddr {NODE} tcp dport 31443 goto endpoint-0-0" in rules
    assert "tcp dport 31443 dnat to 100.64.0.1:15443" in rules
