"""Requests between clusters while their fleet is changed: none is lost.

`scripts/continuity` makes every change and measures; these are the quick ones, and one of each kind of cause: other
certificates, other tokens, pods that end, control planes that are gone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.testing import Sandbox
from scripts.continuity_under_change.caller import make_caller
from scripts.continuity_under_change.changes import CHANGES, Change, outage
from scripts.continuity_under_change.figures import Figures, during, faults
from scripts.continuity_under_change.fleet_under_change import (
    CALLER,
    HOST,
    STACK,
    FleetUnderChange,
    configuration,
)
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("no request is lost while the fleet is changed", step=4),
    pytest.mark.root("pods in network namespaces"),
]


@pytest.fixture(scope="module")
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    with clone.sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def fleet(sandbox: Sandbox) -> Iterator[FleetUnderChange]:
    made = FleetUnderChange(sandbox.home, sandbox.write_stack, sandbox.meshfleet, configuration(HOST, CALLER))
    made.up()
    make_caller(made)
    yield made
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def none_is_lost(figures: Figures) -> bool:
    """Whether all were answered, by both clusters; a machine under load may have sent fewer than were due."""
    assert faults(figures) == []
    assert set(figures.sent.clusters()) == {HOST, CALLER}
    return len(figures.sent.requests) > figures.seconds


def test_reader_tokens_are_renewed(fleet: FleetUnderChange) -> None:
    assert none_is_lost(during(CHANGES["token"][0], fleet))


def test_intermediates_are_issued_anew(fleet: FleetUnderChange) -> None:
    assert none_is_lost(during(CHANGES["intermediate"][0], fleet))


def test_the_api_server_and_the_istiod_of_the_host_are_gone_and_come_back(fleet: FleetUnderChange) -> None:
    assert none_is_lost(during(Change("a short outage", outage(5.0)), fleet))


def test_the_pods_of_a_workload_are_recreated(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    # Not those of a gateway: what is on its way through one that ends may be lost, see docs/continuity.md.
    def restart(_: FleetUnderChange) -> None:
        place = ("--namespace", "sample", "deployment/echo-v1")
        sandbox.kubectl(STACK, HOST, "rollout", "restart", *place)
        sandbox.kubectl(STACK, HOST, "rollout", "status", "--timeout=50s", *place)

    assert none_is_lost(during(Change("pods are recreated", restart), fleet))
