"""What a proxy takes up only when it starts is changed in a running fleet: pods follow, and no request is lost.

One fleet walks: two clusters of one network, one of which moves to a network of its own; then a region for each; and
back to the network that the other one is on.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from meshfleet.testing import Sandbox
from scripts.continuity_under_change.caller import make_caller
from scripts.continuity_under_change.changes import Change
from scripts.continuity_under_change.figures import during, unexpected_faults
from scripts.continuity_under_change.fleet_under_change import CALLER, HOST, STACK, FleetUnderChange
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("what proxies read at their start takes effect in running pods, without a lost request", step=4),
    pytest.mark.root("pods in network namespaces"),
]


def one_network() -> dict[str, Any]:
    """Two clusters of one network, as in the step before."""
    cluster = {"embedded": {"pods": "processes"}, "network": "shared"}
    return {
        "host": HOST,
        "networks": {"shared": {}},
        "clusters": {HOST: deepcopy(cluster), CALLER: deepcopy(cluster)},
        "namespaces": {"sample": {"injection": True}},
        "workloads": {"echo": {"namespace": "sample"}},
    }


@pytest.fixture(scope="module")
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    with clone.sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def fleet(sandbox: Sandbox) -> Iterator[FleetUnderChange]:
    made = FleetUnderChange(sandbox.home, sandbox.write_stack, sandbox.meshfleet, one_network())
    made.up()
    make_caller(made)
    yield made
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def lost(fleet: FleetUnderChange, what: str, config: dict[str, Any]) -> list[str]:
    """What is lost of 50 requests a second while the stack file becomes `config`; all clusters answered in the end.

    Not counted is what was on its way through a gateway, of which each cluster has one, when that ended.
    """

    def make(_: FleetUnderChange) -> None:
        fleet.config = config
        fleet.up()

    figures = during(Change(what, make), fleet)
    print(figures.row)
    assert set(figures.sent.clusters()) == {HOST, CALLER}
    assert len(figures.sent.requests) > figures.seconds
    return unexpected_faults(figures, gateways=len(config["clusters"]))


def verified(sandbox: Sandbox) -> None:
    """Nothing of the fleet is another way than the stack says."""
    answer = sandbox.meshfleet("verify", "--stack", STACK, "--json", expect=None).report
    assert [(one["name"], one["cluster"], one["detail"]) for one in answer["checks"] if not one["ok"]] == []
    assert sandbox.meshfleet("drift", "--stack", STACK, "--json").report["drift"] == []


def test_a_cluster_moves_to_a_network_of_its_own(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    config = deepcopy(fleet.config)
    config["networks"]["inland"] = {}
    config["clusters"][HOST]["network"] = "inland"
    assert lost(fleet, "a cluster moves to a network of its own", config) == []
    verified(sandbox)


def test_regions_are_added_to_a_running_fleet(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    config = deepcopy(fleet.config)
    config["clusters"][HOST] |= {"region": "r1", "zone": "r1-a"}
    config["clusters"][CALLER] |= {"region": "r2", "zone": "r2-a"}
    assert lost(fleet, "regions are added", config) == []
    verified(sandbox)


def test_a_cluster_moves_back_to_a_network_that_another_is_on(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    config = deepcopy(fleet.config)
    del config["networks"]["inland"]
    config["clusters"][HOST]["network"] = "shared"
    assert lost(fleet, "a cluster moves back", config) == []
    verified(sandbox)
