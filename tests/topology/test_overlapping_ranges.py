"""Each pair of overlapping ranges on one network is a fault, and nothing else is, however many there are."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.topology import TopologyError, load
from meshfleet.topology.special_ranges import IpNetwork

pytestmark = pytest.mark.proof("stack files are checked before anything exists", step=0)

# Few bits, so that many overlap: 10.0.0.0/16 to 10.7.0.0/13, and alike in IPv6.
RANGES: st.SearchStrategy[IpNetwork] = st.builds(
    lambda number, bits: IPv4Network(((10 << 24) + (number >> bits << bits << 16), 16 - bits)),
    st.integers(0, 7),
    st.integers(0, 3),
) | st.builds(lambda number: IPv6Network(((0xFD << 120) + (number << 64), 64)), st.integers(0, 3))


@given(st.lists(RANGES, min_size=1, max_size=8))
def test_the_faults_are_the_pairs_that_overlap(ranges: list[IpNetwork]) -> None:
    names = {f"c{number}": pods for number, pods in enumerate(ranges)}
    expected = {
        (f"clusters.{second}.podCidr", f"{first!r}")
        for (first, one), (second, other) in combinations(names.items(), 2)
        if one.version == other.version and one.overlaps(other)
    }
    config = {
        "host": "c0",
        "networks": {"one": {}},
        "clusters": {
            name: {"existing": {"kubeconfig": name, "context": name}, "network": "one", "podCidr": str(pods)}
            for name, pods in names.items()
        },
    }
    found = set()
    try:
        load("many", config)
    except TopologyError as error:
        found = {(fault.path, fault.message.partition(" of ")[2].partition(" ")[0]) for fault in error.faults}
    assert found == expected
