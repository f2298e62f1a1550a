"""How peers read an API server: addresses of one machine are told apart, and what may be left out is."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.topology import Discovery, TopologyError, load
from meshfleet.topology.discovery import is_loopback
from tests.topology.wrong_stacks.wrong import GOOD, Wrong, existing

pytestmark = pytest.mark.proof("private API servers are reached as the stack file says", step=0)

LOOPBACK = IPv4Network("127.0.0.0/8")


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_of_all_addresses_only_those_of_127_are_of_this_machine(address: IPv4Address, port: int) -> None:
    assert is_loopback(f"https://{address}:{port}") == (address in LOOPBACK)
    assert is_loopback(f"https://[::ffff:{address}]:{port}/path") == (address in LOOPBACK)


@given(st.ip_addresses(network=LOOPBACK))
def test_every_address_of_127_is_of_this_machine(address: IPv4Address) -> None:
    assert is_loopback(f"https://{address}")


@given(st.ip_addresses(v=6))
def test_of_all_ipv6_addresses_only_one_and_those_of_ipv4_are(address: IPv6Address) -> None:
    mapped = address.ipv4_mapped
    assert is_loopback(f"https://[{address}]:6443") == (str(address) == "::1" or bool(mapped and mapped in LOOPBACK))


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost.", "kind.localhost", "[::1]", "127.0.0.1"])
def test_a_name_or_address_of_this_machine_is_one_in_every_spelling(host: str) -> None:
    assert is_loopback(f"https://{host}:6443")
    assert is_loopback(f"https://{host}/k8s")


@pytest.mark.parametrize(
    "host", ["api.example", "127.example", "localhost.example", "10.0.0.1", "[fd00::1]", "xlocalhost", "128.0.0.1"]
)
def test_what_only_looks_like_one_is_none(host: str) -> None:
    assert not is_loopback(f"https://{host}:6443")


@given(st.text())
def test_any_text_is_one_or_is_none(text: str) -> None:
    assert is_loopback(text) in (True, False)
    assert is_loopback(f"https://{text}") in (True, False)


def test_an_address_of_this_machine_is_of_use_while_the_whole_fleet_is_on_it() -> None:
    fleet = load("dev", Wrong("good", {"clusters.west.discovery": {"server": "https://localhost:6443"}}, {}).config)
    assert fleet.clusters["west"].discovery.server == "https://localhost:6443"


def test_everything_may_be_left_out() -> None:
    for written in (None, {}, {"server": None}):
        config = copy.deepcopy(GOOD)
        if written is not None:
            config["clusters"]["west"]["discovery"] = written
        assert load("dev", config).clusters["west"].discovery == Discovery()
    assert Discovery().token == 1


@pytest.mark.parametrize("server", [None, "https://localhost:6443"])
def test_an_address_of_this_machine_is_of_use_where_no_istiod_elsewhere_reads_it(server: str | None) -> None:
    config = copy.deepcopy(GOOD)
    config["clusters"]["east"] = existing("east")
    config["clusters"]["north"] = {"embedded": {}, "network": "network-north"}
    config["networks"]["network-north"] = {}
    for name, read_by in (("west", ["north"]), ("north", [])):
        config["clusters"][name]["discovery"] = {"readBy": read_by} | ({"server": server} if server else {})
    fleet = load("dev", config)
    assert {name: fleet.reads(name) for name in fleet.clusters} == {
        "west": ("east",),
        "east": (),
        "north": ("west", "east"),
    }
    config["clusters"]["west"]["discovery"]["readBy"].append("east")
    with pytest.raises(TopologyError) as raised:
        load("dev", config)
    paths = ["clusters.west.discovery.server"] if server else []
    assert [fault.path for fault in raised.value.faults] == [*paths, "clusters.west.embedded"]
