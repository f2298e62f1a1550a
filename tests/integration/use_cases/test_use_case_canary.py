"""A canary between clusters: its share of requests by weight, all of those with its header, wherever they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest, Sender, answered
from tests.integration.clone import Clone
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a new version in another cluster gets its share by weight, and by header all", step=4),
    pytest.mark.root("real requests"),
]

CLUSTERS = ("west", "east")
CART, WEB = "shop/cart", "shop/web"
REQUESTS = 400
FEWEST, MOST = 10, 70
"""Of 400 requests 40 are meant for the canary, with a standard deviation of 6: these are five of them away, where
one run in a million ends."""


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "canary") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_one_request_in_ten_goes_to_the_canary_from_either_cluster(fleet: FleetUnderTest, cluster: str) -> None:
    replies = Sender(fleet, cluster, WEB).send(CART, REQUESTS)
    counted = Counter((one.code, one.version, one.cluster) for one in replies)
    assert counted.keys() == {(200, "v1", "west"), (200, "v2", "east")}
    assert counted.total() == REQUESTS
    assert FEWEST <= counted[200, "v2", "east"] <= MOST, counted


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_request_with_its_header_goes_to_the_canary(fleet: FleetUnderTest, cluster: str) -> None:
    replies = Sender(fleet, cluster, WEB).send(CART, 100, {"x-canary": "always"})
    assert Counter((one.version, one.cluster) for one in replies) == {("v2", "east"): 100}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_header_of_another_value_leads_nowhere(fleet: FleetUnderTest, cluster: str) -> None:
    counted = answered(Sender(fleet, cluster, WEB).send(CART, 100, {"x-canary": "perhaps"}))
    # As by weight: with fewer than half of it 10 are meant, with a standard deviation of 3.
    assert counted["west"] > 50, counted


def test_more_weight_takes_effect_with_up_and_no_request_is_lost(fleet: FleetUnderTest) -> None:
    path = fleet.sandbox.project / "stacks" / "examples" / "Pulumi.canary.yaml"
    text = path.read_text(encoding="utf-8")
    heavier = text.replace("weight: 90", "weight: 0").replace("weight: 10\n", "weight: 100\n")
    assert heavier.count("weight: 100\n") == 1
    sender = Sender(fleet, "west", WEB)
    try:
        path.write_text(heavier, encoding="utf-8")
        with sender.send_steadily(CART) as steady:
            fleet.up()
            assert sender.is_answered_by(CART, "east")
        assert list(steady.failed) == []
    finally:
        path.write_text(text, encoding="utf-8")
    assert answered(sender.send(CART, 100)) == {"east": 100}
