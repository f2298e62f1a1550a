"""Two primaries in one mesh, and each also serves a cluster without an istiod."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import Running, running

pytestmark = pytest.mark.proof("primaries with remotes of their own in one mesh", step=3)
rooted = pytest.mark.root("real requests")

NAMES = ("west", "west-branch", "east", "east-branch")
ALL = set(NAMES)
BRANCHES = [("west-branch", "west"), ("east-branch", "east")]


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "mixed") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, primary-remote, several networks"
    assert checked["remote-control-plane"] == {"west-branch", "east-branch"}
    assert checked["trust"] == ALL


@pytest.mark.parametrize("primary", ["west", "east"])
def test_both_primaries_read_all_four_and_know_every_way_into_their_networks(fleet: Running, primary: str) -> None:
    assert set(fleet.known_to(primary)) == fleet.shards(primary) == ALL
    assert fleet.peers_told(primary) == {"istio-system": ALL - {primary}}
    assert fleet.gateways(primary) == {name: str(fleet.cluster(name)["network"]) for name in ALL}


@pytest.mark.parametrize(("branch", "primary"), BRANCHES)
def test_each_branch_is_served_by_its_own_primary_and_not_by_the_other(
    fleet: Running, branch: str, primary: str
) -> None:
    assert fleet.injected_by(branch) == [primary]
    annotations = fleet.get(branch, "namespace", "istio-system")["metadata"]["annotations"]
    assert annotations["topology.istio.io/controlPlaneClusters"] == primary
    fleet.assert_served_from_elsewhere(branch, "mesh")
    fleet.assert_leads_to_gateway_of(branch, primary)


def test_there_are_two_istiods_and_no_more(fleet: Running) -> None:
    assert fleet.istiods() == ["east", "west"]
    assert fleet.peers_told("west-branch") == fleet.peers_told("east-branch") == {}


@rooted
@pytest.mark.proof("primaries with remotes of their own in one mesh", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("primaries with remotes of their own in one mesh", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert checked["traffic-wire"] == set(NAMES)
