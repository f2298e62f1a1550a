"""Two control planes in one mesh whose pods reach each other directly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running

pytestmark = [pytest.mark.extended, pytest.mark.proof("the model multi-primary", step=3)]
rooted = pytest.mark.root("real requests")

NAMES = ("west", "east")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "multi-primary-one-network") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, one network"
    assert checked["clusters-synced"] == set(NAMES)


@pytest.mark.parametrize(("cluster", "peer"), [NAMES, NAMES[::-1]])
def test_each_istiod_reads_both_and_needs_no_gateway(fleet: Running, cluster: str, peer: str) -> None:
    assert set(fleet.known_to(cluster)) == fleet.shards(cluster) == {cluster, peer}
    assert fleet.peers_told(cluster) == {"istio-system": {peer}}
    assert fleet.gateways(cluster) == {}
    assert GATEWAY not in fleet.names(cluster, "services", "--namespace", "istio-system")
    assert fleet.names(cluster, "gateways.networking.istio.io", "--all-namespaces") == set()


@pytest.mark.parametrize("cluster", NAMES)
def test_pods_of_the_cluster_have_addresses_of_their_own_range(fleet: Running, cluster: str) -> None:
    beginning = {"west": "10.10.", "east": "10.20."}[cluster]
    pods = fleet.get(cluster, "pods", "--namespace", "istio-system")["items"]
    assert pods
    assert all(pod["status"]["podIP"].startswith(beginning) for pod in pods)


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert "traffic-wire" not in checked
