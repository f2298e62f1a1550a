"""Two control planes in one mesh, on networks of their own and on one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running

pytestmark = pytest.mark.proof("the model multi-primary", step=3)
rooted = pytest.mark.root("real requests")

NAMES = ("west", "east")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "multi-primary") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, several networks"
    assert checked["clusters-synced"] == set(NAMES)


@pytest.mark.parametrize(("cluster", "peer"), [NAMES, NAMES[::-1]])
def test_each_istiod_reads_both_and_injects_its_own(fleet: Running, cluster: str, peer: str) -> None:
    assert set(fleet.known_to(cluster)) == {cluster, peer}
    assert fleet.peers_told(cluster) == {"istio-system": {peer}}
    assert fleet.injected_by(cluster) == [cluster]


@pytest.mark.parametrize("cluster", NAMES)
def test_each_istiod_knows_the_gateways_of_both_networks(fleet: Running, cluster: str) -> None:
    assert fleet.gateways(cluster) == {name: f"network-{name}" for name in NAMES}
    labels = fleet.get(cluster, "service", GATEWAY, "--namespace", "istio-system")["metadata"]["labels"]
    assert labels["topology.istio.io/network"] == f"network-{cluster}"


def test_one_root_is_trusted_in_both(fleet: Running) -> None:
    for cluster in NAMES:
        assert fleet.trusted_webhook_roots(cluster) == {fleet.root("mesh")}
        assert fleet.given_roots(cluster)["sample"] == {fleet.root("mesh")}


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert checked["traffic-wire"] == set(NAMES)
