"""Disaster recovery: requests stay in their region, leave it in the declared order when it is lost, and come back.

A client asks 50 times a second all the while. How many of its requests failed goes into the report of the tests; that
none fails but for a moment after a change is what the page promises, and what is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from meshfleet.dataplane.network import node_network
from meshfleet.testing import FleetUnderTest, Sender, answered, settled
from meshfleet.verification.steady_requests import SteadyRequests
from tests.integration.clone import Clone
from tests.integration.losing import lose
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a lost region is served by the next one, and serves itself when it is back", step=4),
    pytest.mark.root("real requests"),
]

Record = Callable[[str, object], None]

STACK = "examples/disaster-recovery"
REGIONS = ("north", "central", "south")
ORDERS, WEB = "shop/orders", "shop/web"
MOMENT = 5.0
"""Seconds after a change in which a request may fail; those under way in the region that is lost do."""
EJECTION = 10.0
"""Seconds after which proxies try a lost region again, `baseEjectionSeconds` of the stack file."""


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "disaster-recovery") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.fixture
def web(fleet: FleetUnderTest) -> Sender:
    return Sender(fleet, "north", WEB)


def scale(fleet: FleetUnderTest, region: str, replicas: int) -> None:
    """Give `orders` so many pods in a region, past the stack."""
    fleet.sandbox.kubectl(fleet.name, region, "scale", "deployment/orders-v1", "-n", "shop", f"--replicas={replicas}")


@contextmanager
def cut_off(fleet: FleetUnderTest, cluster: str) -> Iterator[None]:
    """Lose in silence whatever other networks and the cluster send each other, until the end of the block."""
    node_network.set_cut_off(fleet.place, cluster, cut_off=True)
    try:
        yield
    finally:
        node_network.set_cut_off(fleet.place, cluster, cut_off=False)


@contextmanager
def asking_central(fleet: FleetUnderTest, web: Sender) -> Iterator[SteadyRequests]:
    """Ask at a steady pace, from when `central` answers in the place of `north`, until the end of the block."""
    scale(fleet, "north", 0)
    assert web.is_answered_by(ORDERS, "central")
    with web.send_steadily(ORDERS) as steady:
        assert settled(lambda: steady.clusters()["central"] >= 50, 20)
        yield steady


def assert_fails_for_a_moment_at_most(what: str, steady: SteadyRequests, changes: list[float], record: Record) -> None:
    """Whether every request that was due at another time was answered; what was not goes into the report."""
    record(f"{what}: requests", len(steady.requests))
    record(f"{what}: failed", len(steady.failed))
    record(f"{what}: longest gap in seconds", round(steady.longest_gap, 2))
    strays = [one for one in steady.failed if not any(-1 <= one.due - change <= MOMENT for change in changes)]
    assert strays == []


@pytest.mark.parametrize("region", REGIONS)
def test_requests_stay_in_their_region(fleet: FleetUnderTest, region: str) -> None:
    replies = Sender(fleet, region, WEB).send(ORDERS)
    assert answered(replies) == {region: 200}


def test_they_leave_a_region_without_pods_in_the_declared_order_and_come_back(
    fleet: FleetUnderTest, web: Sender, record_testsuite_property: Record
) -> None:
    changes = []
    with web.send_steadily(ORDERS) as steady:
        for lost, next_one in (("north", "central"), ("central", "south")):
            changes.append(steady.elapsed)
            scale(fleet, lost, 0)
            assert web.is_answered_by(ORDERS, next_one)
        # The stack says that there is one.
        changes.append(steady.elapsed)
        fleet.sandbox.meshfleet("up", "--stack", STACK, "--refresh", "--json")
        assert web.is_answered_by(ORDERS, "north")
        changes.append(steady.elapsed)
    assert steady.clusters().keys() == set(REGIONS)
    assert_fails_for_a_moment_at_most("regions without pods", steady, changes, record_testsuite_property)


def test_a_region_that_is_cut_off_is_left_and_comes_back_by_itself(
    fleet: FleetUnderTest, web: Sender, record_testsuite_property: Record
) -> None:
    with asking_central(fleet, web) as steady:
        lost = steady.elapsed
        with cut_off(fleet, "central"):
            # Proxies try it again from time to time, which may take a second and nobody's request.
            assert settled(lambda: steady.elapsed > lost + EJECTION + 2 * MOMENT, 60)
        back = steady.elapsed
        assert web.is_answered_by(ORDERS, "central")
    left = SteadyRequests([one for one in steady.since(lost + MOMENT).requests if one.due < back])
    assert left.clusters() == {"south": len(left.requests)}
    assert_fails_for_a_moment_at_most("a region that is cut off", steady, [lost], record_testsuite_property)


def test_a_region_that_is_lost_as_a_whole_is_left_and_comes_back_with_up(
    fleet: FleetUnderTest, web: Sender, record_testsuite_property: Record
) -> None:
    with asking_central(fleet, web) as steady:
        lost = steady.elapsed
        lose(fleet, "central")
        assert web.is_answered_by(ORDERS, "south")
        # Proxies try it again from time to time, and nobody may notice.
        assert settled(lambda: steady.elapsed > lost + EJECTION + 2 * MOMENT, 60)
        since = steady.since(lost + MOMENT)
        assert since.clusters() == {"south": len(since.requests)}
        last = max((one.due for one in steady.failed), default=lost)
        record_testsuite_property("a lost region: seconds to the last failed request", round(last - lost, 2))
        fleet.up()
        assert web.is_answered_by(ORDERS, "central")
        returned = steady.elapsed
    assert steady.clusters().keys() == {"central", "south"}
    assert_fails_for_a_moment_at_most("a lost region", steady, [lost], record_testsuite_property)
    assert returned > lost


def test_the_fleet_is_whole_again(fleet: FleetUnderTest, web: Sender) -> None:
    fleet.sandbox.meshfleet("up", "--stack", STACK, "--refresh", "--json")
    assert web.is_answered_by(ORDERS, "north")
    fleet.verify()
