"""A centre that reads two edges, on three networks; the edges read neither it nor each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import Running, running

pytestmark = pytest.mark.proof("discovery has a direction", step=3)
rooted = pytest.mark.root("real requests")

EDGES = ("edge1", "edge2")
NAMES = ("central", *EDGES)
DISCOVERED = {"central": set(NAMES), "edge1": {"edge1"}, "edge2": {"edge2"}}


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "hub-and-spoke") as made:
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
    assert ("istio-reader-service-account-istio-remote-secret-token" in tokens) == (cluster in EDGES)


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
