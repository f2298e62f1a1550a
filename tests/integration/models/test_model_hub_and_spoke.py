"""A centre that reads two edges, on three networks; the edges read neither it nor each other."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.files import write_file
from meshfleet.manifests.remote_secrets import READER_TOKEN
from meshfleet.testing.stack_files import write_stack
from meshfleet.topology import read_stack_file
from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import Running, running

pytestmark = [pytest.mark.extended, pytest.mark.proof("discovery has a direction", step=3)]
rooted = pytest.mark.root("real requests")

EDGES = ("edge1", "edge2")
NAMES = ("central", *EDGES)
STACK = "hub-and-spoke"
DISCOVERED = {"central": set(NAMES), "edge1": {"edge1"}, "edge2": {"edge2"}}


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, STACK) as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, several networks, restricted discovery"
    assert {name: fleet.cluster(name)["readBy"] for name in NAMES} == {
        "central": [],
        "edge1": ["central"],
        "edge2": ["central"],
    }
    for check in ("clusters-synced", "network-gateways", "endpoint-shards", "endpoints-as-declared"):
        assert checked[check] == set(NAMES)


@pytest.mark.parametrize("cluster", NAMES)
def test_each_istiod_discovers_what_it_may_read_and_no_more(fleet: Running, cluster: str) -> None:
    discovered = DISCOVERED[cluster]
    assert set(fleet.known_to(cluster)) == fleet.shards(cluster) == discovered
    assert fleet.gateways(cluster) == {name: f"network-{name}" for name in discovered}
    assert fleet.peers_told(cluster) == ({"istio-system": set(EDGES)} if cluster == "central" else {})
    tokens = fleet.names(cluster, "secrets", "--namespace", "istio-system")
    assert (READER_TOKEN in tokens) == (cluster in EDGES)


@rooted
@pytest.mark.proof("discovery has a direction", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_are_answered_in_every_cluster_that_the_caller_discovers_and_in_no_other(
    fleet: Running, cluster: str
) -> None:
    assert_answered_in(fleet, cluster, DISCOVERED[cluster])


@rooted
@pytest.mark.proof("discovery has a direction", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    # No request of an edge leaves its network.
    assert checked["traffic-wire"] == {"central"}


@pytest.fixture
def turned(fleet: Running, checked: dict[str, set[str]]) -> Iterator[dict[str, int]]:
    """Bring the fleet to where `edge1` is the centre; the numbers of changes, by kind."""
    folder = fleet.sandbox.project / "stacks" / "examples"
    file = read_stack_file(folder.parent, fleet.stack)
    written = file.path.read_text(encoding="utf-8")
    config: dict[str, Any] = copy.deepcopy(dict(file.config))
    for name, readers in {"central": ["edge1"], "edge1": [], "edge2": ["edge1"]}.items():
        config["clusters"][name]["discovery"] = {"readBy": readers}
    write_stack(folder, STACK, config)
    try:
        yield fleet.up()["changes"]
    finally:
        write_file(file.path, written, mode=0o644)


@rooted
@pytest.mark.proof("discovery has a direction", step=4)
def test_another_direction_is_applied_in_place(fleet: Running, turned: dict[str, int]) -> None:
    # For edge1 remote secrets and what tries them, for central a reader token and the rights of the reader: two roles
    # and their bindings; what each had before goes.
    assert turned == {"create": 7, "delete": 7}
    assert fleet.verified()["clusters-synced"] == set(NAMES)
    assert set(fleet.known_to("edge1")) == set(NAMES)
    assert fleet.peers_told("edge1") == {"istio-system": {"central", "edge2"}}
    assert fleet.peers_told("central") == fleet.peers_told("edge2") == {}
    assert READER_TOKEN not in fleet.names("edge1", "secrets", "--namespace", "istio-system")
    for cluster, discovered in {"central": {"central"}, "edge1": set(NAMES), "edge2": {"edge2"}}.items():
        assert_answered_in(fleet, cluster, discovered)
    assert fleet.preview() == []
