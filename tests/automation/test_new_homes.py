"""How long what a new home replaces stays beside it, for proxies that have ejected the new home."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from meshfleet.automation.new_homes import ejection_seconds, wait_for_ejections
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


def test_the_time_is_the_longest_of_the_meshes_that_eject_endpoints() -> None:
    short = {"outlierDetection": {"baseEjectionSeconds": 10, "intervalSeconds": 1}}
    found = fleet(plain=None, short=short, standard={})
    assert ejection_seconds(found, ["plain"]) == 0
    assert ejection_seconds(found, ["plain", "short"]) == 11
    assert ejection_seconds(found, ["plain", "short", "standard"]) == 40
    assert ejection_seconds(found, []) == 0


def test_the_wait_ends_with_that_time_and_says_how_long_it_is() -> None:
    passed = itertools.count(100.0, 5.0)
    notes: list[str] = []
    short = {"outlierDetection": {"baseEjectionSeconds": 10, "intervalSeconds": 1}}
    wait_for_ejections(fleet(short=short), ["short"], notes.append, lambda: next(passed))
    # At 100 it begins, and at 115 it is over.
    assert next(passed) >= 115
    assert notes == ["new homes are ready; proxies may have ejected them for up to 11 s"]


def test_where_no_endpoint_is_ejected_nothing_waits() -> None:
    notes: list[str] = []
    wait_for_ejections(fleet(plain=None), ["plain"], notes.append)
    assert notes == []
