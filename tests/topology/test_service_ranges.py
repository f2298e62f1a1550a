"""Ranges of Services that overlap another range of their mesh are faults, and nothing else is."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.topology import TopologyError, load

pytestmark = pytest.mark.proof("an address of a Service means one Service in a whole mesh", step=0)

RANGES = st.builds(
    lambda number, bits: IPv4Network(((11 << 24) + (number >> bits << bits << 16), 16 - bits)),
    st.integers(0, 15),
    st.integers(0, 2),
)


@given(st.lists(st.tuples(RANGES, RANGES), min_size=1, max_size=6))
@settings(deadline=None)
def test_the_faults_are_the_pairs_that_overlap(ranges: list[tuple[IPv4Network, IPv4Network]]) -> None:
    clusters = {
        f"c{number}": {
            "existing": {"kubeconfig": f"{number}", "context": f"{number}"},
            "network": f"n{number}",
            "podCidr": str(pods),
            "serviceCidr": str(services),
        }
        for number, (pods, services) in enumerate(ranges)
    }
    flat = [
        (f"c{number}", key, one)
        for number, (pods, services) in enumerate(ranges)
        for key, one in (("podCidr", pods), ("serviceCidr", services))
    ]
    expected = {
        f"clusters.{second[0]}.{second[1]}"
        for first, second in combinations(flat, 2)
        if first[0] != second[0] and "serviceCidr" in (first[1], second[1]) and first[2].overlaps(second[2])
    } | {
        # Of one cluster its own two are compared by another rule.
        f"clusters.c{number}.serviceCidr"
        for number, (pods, services) in enumerate(ranges)
        if pods.overlaps(services)
    }
    config = {"host": "c0", "networks": {cluster["network"]: {} for cluster in clusters.values()}, "clusters": clusters}
    found = set()
    try:
        load("ranges", config)
    except TopologyError as error:
        found = {fault.path for fault in error.faults}
    assert found == expected


def fleet(**east: object) -> dict[str, Any]:
    existing = {"existing": {"kubeconfig": "e", "context": "e", "pods": "simulated"}, "network": "b"}
    return {
        "host": "west",
        "networks": {"a": {}, "b": {}},
        "clusters": {"west": {"embedded": {}, "network": "a"}, "east": {**existing, **east}},
    }


def test_a_range_of_the_block_for_clusters_that_name_none_is_refused() -> None:
    with pytest.raises(TopologyError) as raised:
        load("ranges", fleet(serviceCidr="10.170.0.0/16"))
    (fault,) = raised.value.faults
    assert fault.path == "clusters.east.serviceCidr"
    assert "from which 'west' in the mesh 'mesh' gets its serviceCidr" in fault.message
    load("ranges", fleet(serviceCidr="10.96.0.0/16"))


def test_two_meshes_may_have_the_same_ranges() -> None:
    config = fleet(serviceCidr="10.96.0.0/16", mesh="two")
    config["meshes"] = {"one": {}, "two": {}}
    west = {"embedded": {}, "network": "a", "mesh": "one", "serviceCidr": "10.96.0.0/16"}
    config["clusters"] = {**config["clusters"], "west": west}
    load("ranges", config)


def test_clusters_that_no_control_plane_reads_together_may_have_the_same_range() -> None:
    config = fleet(serviceCidr="10.96.0.0/16", discovery={"readBy": []})
    config["clusters"]["west"] |= {"serviceCidr": "10.96.0.0/16", "discovery": {"readBy": []}}
    load("ranges", config)
    hub = {"embedded": {}, "network": "c", "serviceCidr": "10.97.0.0/16"}
    config["networks"]["c"] = {}
    config["clusters"]["hub"] = hub
    load("ranges", config)
    for name in ("west", "east"):
        config["clusters"][name]["discovery"] = {"readBy": ["hub"]}
    with pytest.raises(TopologyError) as raised:
        load("ranges", config)
    assert [fault.path for fault in raised.value.faults] == ["clusters.east.serviceCidr"]
