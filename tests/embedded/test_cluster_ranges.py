"""Embedded clusters that name no range get one of their own, and keep it whichever clusters come and go."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, ip_network
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.embedded.cluster_ranges import choose, release_ranges, with_ranges, with_reserved_pods
from meshfleet.embedded.cluster_spec import ClusterSpec, kwokctl_configuration
from meshfleet.errors import PortError
from meshfleet.topology.address_blocks import POD_RANGE, SERVICE_BLOCK, SERVICE_PREFIX, SIMULATED_POD_BLOCK

pytestmark = pytest.mark.proof("an address of a Service means one Service in a whole mesh", step=0)


def spec(name: str, nodes: int = 1) -> ClusterSpec:
    return ClusterSpec(name, "v1.35.4", nodes)


def test_the_blocks_are_apart() -> None:
    assert not any(
        one.overlaps(other) for one, other in combinations((SERVICE_BLOCK, POD_RANGE, SIMULATED_POD_BLOCK), 2)
    )


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=30))
def test_a_cluster_keeps_its_range_whichever_come_and_go(steps: list[tuple[str, bool]]) -> None:
    held: dict[str, IPv4Network] = {}
    block = IPv4Network("10.160.0.0/28")
    for name, comes in steps:
        if not comes:
            held.pop(name, None)
        elif name not in held:
            before = dict(held)
            held[name] = choose(name, {one.network_address for one in held.values()}, block, 31)
            assert {other: held[other] for other in before} == before
        assert all(one.subnet_of(block) for one in held.values())
        assert not any(one.overlaps(other) for one, other in combinations(held.values(), 2))


def test_a_block_that_is_full_is_said_to_be() -> None:
    block = IPv4Network("10.160.0.0/31")
    taken = {one.network_address for one in block.subnets(new_prefix=32)}
    with pytest.raises(PortError, match="every range of"):
        choose("west", taken, block, 32)


def test_ranges_are_reserved_and_given_back(tmp_path: Path) -> None:
    west = with_ranges(tmp_path, "fleet/address ranges/west", spec("west"))
    east = with_ranges(tmp_path, "fleet/address ranges/east", spec("east"))
    ranges = [ip_network(str(one)) for made in (west, east) for one in (made.service_cidr, made.pod_cidr)]
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert ranges[0].prefixlen == SERVICE_PREFIX
    assert with_ranges(tmp_path, "fleet/address ranges/west", spec("west")) == west
    assert with_reserved_pods(tmp_path, "fleet/address ranges/west", spec("west")).pod_cidr == west.pod_cidr
    for name in ("west", "east"):
        release_ranges(tmp_path, f"fleet/address ranges/{name}")
    assert json.loads((tmp_path / "reservations.json").read_text())["addresses"] == {}


def test_a_cluster_of_an_earlier_release_keeps_what_it_was_made_with(tmp_path: Path) -> None:
    assert with_reserved_pods(tmp_path, "fleet/address ranges/west", spec("west")) == spec("west")
    # What is compared with what runs is what the stack file says, not what was reserved.
    assert with_ranges(tmp_path, "fleet/address ranges/west", spec("west")).fixed != spec("west").fixed


def test_a_node_of_processes_gives_its_pods_addresses_itself(tmp_path: Path) -> None:
    assert with_ranges(tmp_path, "fleet/address ranges/west", spec("west", nodes=0)).pod_cidr is None


def test_a_declared_range_is_taken_as_it_is(tmp_path: Path) -> None:
    declared = ClusterSpec("west", "v1.35.4", 1, "10.1.0.0/16", "10.2.0.0/16")
    assert with_ranges(tmp_path, "fleet/address ranges/west", declared) == declared
    assert not (tmp_path / "reservations.json").exists() or "west" not in (tmp_path / "reservations.json").read_text()


def test_the_api_server_is_started_with_the_range(tmp_path: Path) -> None:
    made = with_ranges(tmp_path, "fleet/address ranges/west", spec("west"))
    ports = dict.fromkeys(
        ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller"), 1
    )
    tools = dict.fromkeys(
        ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller"), tmp_path
    )
    text = kwokctl_configuration(made, ports, tools)
    assert f'"value": "{made.service_cidr}"' in text
