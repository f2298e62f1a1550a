"""Low latency: the nearest answers, by zone, then by region, then whoever is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.dataplane.network.capture import capturing
from meshfleet.testing import FleetUnderTest, Sender, answered
from tests.integration.clone import Clone
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("the nearest cluster responds: by zone, by region, then any", step=4),
    pytest.mark.root("real requests"),
]

STACK = "examples/low-latency"
CLUSTERS = ("paris", "london", "tokyo")
SEARCH, IMAGES, WEB = "shop/search", "shop/images", "shop/web"


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "low-latency") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_callers_own_zone_answers(fleet: FleetUnderTest, cluster: str) -> None:
    assert answered(Sender(fleet, cluster, WEB).send(SEARCH)) == {cluster: 200}


def test_where_the_zone_has_none_the_region_answers_and_no_gateway_is_in_between(fleet: FleetUnderTest) -> None:
    with capturing(fleet.place) as capture:
        replies = Sender(fleet, "paris", WEB).send(IMAGES)
    assert answered(replies) == {"london": 200}
    assert capture.connections() == {}


def test_where_the_region_has_none_another_one_answers_and_the_nearest_again_once_it_is_back(
    fleet: FleetUnderTest,
) -> None:
    paris = Sender(fleet, "paris", WEB)
    for cluster, workload in (("paris", "search"), ("london", "images"), ("london", "search")):
        fleet.sandbox.kubectl(fleet.name, cluster, "scale", f"deployment/{workload}-v1", "-n", "shop", "--replicas=0")
        if (cluster, workload) == ("paris", "search"):
            assert paris.is_answered_by(SEARCH, "london")
    assert paris.is_answered_by(IMAGES, "tokyo")
    assert paris.is_answered_by(SEARCH, "tokyo")
    fleet.sandbox.meshfleet("up", "--stack", STACK, "--refresh", "--json")
    assert paris.is_answered_by(IMAGES, "london")
    assert paris.is_answered_by(SEARCH, "paris")
