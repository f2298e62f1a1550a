"""How long what a new home replaces stays beside it, for proxies that have ejected the new home."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from meshfleet.automation.new_homes import (
    LONGEST_EJECTION,
    RECONNECT_SECONDS,
    ejection_seconds,
    outages_of,
    seconds_until_served,
    wait_for_proxies,
)
from meshfleet.federation.failover import moment, seconds_of
from meshfleet.topology import Fleet, load

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=0)


def fleet(**meshes: dict[str, Any] | None) -> Fleet:
    """A cluster for each mesh, named as the mesh, with these settings of its locality."""
    return load(
        "test",
        {
            "host": next(iter(meshes)),
            "meshes": {
                name: {"settings": {} if locality is None else {"locality": locality}}
                for name, locality in meshes.items()
            },
            "networks": {name: {} for name in meshes},
            "clusters": {name: {"embedded": {}, "network": name, "mesh": name} for name in meshes},
        },
    )


SHORT = {"outlierDetection": {"baseEjectionSeconds": 10, "intervalSeconds": 1}}


def test_the_time_is_the_longest_of_the_meshes_that_eject_endpoints() -> None:
    found = fleet(plain=None, short=SHORT, standard={})
    assert ejection_seconds(found, {"plain": 100}) == 0
    assert ejection_seconds(found, {"plain": 0, "short": 0}) == 11
    assert ejection_seconds(found, {"plain": 0, "short": 0, "standard": 0}) == 40
    assert ejection_seconds(found, {}) == 0


@pytest.mark.parametrize(("outage", "times"), [(0, 1), (9, 1), (10, 1), (11, 2), (30, 2), (31, 3), (60, 3), (61, 4)])
def test_an_endpoint_that_fails_each_time_is_ejected_for_longer_each_time(outage: float, times: int) -> None:
    assert ejection_seconds(fleet(short=SHORT), {"short": outage}) == 10 * times + 1


@given(outage=floats(0, 1e9), base=integers(1, 3600), interval=integers(1, 3600))
def test_no_ejection_that_began_in_an_outage_is_longer(outage: float, base: int, interval: int) -> None:
    detection = {"baseEjectionSeconds": base, "intervalSeconds": interval}
    seconds = ejection_seconds(fleet(one={"outlierDetection": detection}), {"one": outage})
    began, times = 0.0, 0
    while began <= outage and base * times < max(base, LONGEST_EJECTION):
        times += 1
        length = min(base * times, max(base, LONGEST_EJECTION))
        if began < outage or times == 1:
            assert seconds >= length
        began += length
    assert base < seconds <= max(base, LONGEST_EJECTION) + interval


def test_after_an_outage_istiods_have_the_time_to_be_back_and_without_one_they_need_none() -> None:
    found = fleet(plain=None, short=SHORT, standard={})
    assert seconds_until_served(found, {"plain": 0}) == 0
    assert seconds_until_served(found, {"plain": 5}) == RECONNECT_SECONDS
    assert seconds_until_served(found, {"short": 0}) == 11
    assert seconds_until_served(found, {"short": 5}) == RECONNECT_SECONDS
    assert seconds_until_served(found, {"standard": 3600}) == LONGEST_EJECTION + 10


def test_an_outage_is_as_long_as_the_eviction_and_none_where_there_was_none() -> None:
    old = {"web": {"b": "2028-11-22T04:51:12Z"}, "other": {"b": "2028-11-22T04:50:12Z"}}
    now = seconds_of("2028-11-22T04:52:12Z")
    assert outages_of(old, {"b": {"web"}, "c": {"web"}}, now) == {"b": 60, "c": 0}
    assert outages_of(old, {"b": {"web", "other"}}, now) == {"b": 120}
    assert moment(seconds_of("2028-11-22T04:51:12Z")) == "2028-11-22T04:51:12Z"


def test_the_wait_ends_with_that_time_and_says_how_long_it_is() -> None:
    passed = itertools.count(100.0, 5.0)
    notes: list[str] = []
    wait_for_proxies(11, notes.append, lambda: next(passed))
    # At 100 it begins, and at 115 it is over.
    assert next(passed) >= 115
    assert notes == ["new homes are ready; in 11 s every proxy sends them requests"]


def test_where_no_endpoint_is_ejected_nothing_waits() -> None:
    notes: list[str] = []
    wait_for_proxies(0, notes.append)
    assert notes == []
