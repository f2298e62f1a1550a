"""A node that moves to another network stays on the one before until no pod and no machine of that is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.dataplane.network.machine_network import MachineNetwork
from meshfleet.dataplane.network.node_network import NodeNetwork, moved, routes_to_peers, without

pytestmark = pytest.mark.proof(
    "what proxies read at their start takes effect in running pods, without a lost request", step=0
)

WEST = NodeNetwork("west", "shared", "198.18.0.1", "100.64.0.64/26")
EAST = NodeNetwork("east", "shared", "198.18.0.2", "100.64.0.128/26")


def to(node: NodeNetwork, network: str) -> NodeNetwork:
    return moved(node, network, node.address, node.pods, node.cluster)


def test_a_node_that_moves_is_on_both_networks() -> None:
    east = to(EAST, "inland")
    assert (east.network, list(east.legs), east.former) == ("inland", ["inland", "shared"], {"shared": "network"})
    assert east.link != "network"
    assert routes_to_peers(WEST, [WEST, east], []) == {"network": {EAST.pods: EAST.address}}
    assert routes_to_peers(east, [WEST, east], []) == {east.link: {}, "network": {WEST.pods: WEST.address}}


def test_once_it_has_left_neither_leads_to_the_other() -> None:
    east = without(to(EAST, "inland"), {"shared"})
    assert east.former == {}
    assert routes_to_peers(WEST, [WEST, east], []) == {"network": {}}


def test_a_machine_of_the_former_network_is_still_led_to() -> None:
    east = to(EAST, "inland")
    machine = MachineNetwork("billing", "shared", "198.19.0.7")
    assert routes_to_peers(east, [east], [machine])["network"] == {"198.19.0.7/32": "198.19.0.7"}


def test_a_peer_of_both_networks_is_led_to_by_the_present_one() -> None:
    east, west = to(EAST, "inland"), to(WEST, "inland")
    assert routes_to_peers(east, [west, east], []) == {east.link: {WEST.pods: WEST.address}, "network": {}}


def test_what_an_earlier_release_kept_is_read() -> None:
    kept: dict[str, Any] = {"cluster": "east", "network": "shared", "address": "198.18.0.2", "pods": "100.64.0.128/26"}
    assert NodeNetwork(**kept) == EAST


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12), st.data())
def test_no_interface_is_of_two_networks_wherever_a_node_goes(way: list[str], data: st.DataObject) -> None:
    node = replace(EAST, network="a")
    for network in way:
        before = node
        node = to(node, network)
        assert node.network == network
        assert set(node.legs) == set(before.legs) | {network}
        assert len(set(node.legs.values())) == len(node.legs)
        assert all(node.legs[one] == link for one, link in before.legs.items())
        left = data.draw(st.sets(st.sampled_from(sorted(node.former)))) if node.former else set()
        node = without(node, left)
