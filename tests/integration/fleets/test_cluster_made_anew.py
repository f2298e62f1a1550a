"""A change that an embedded cluster cannot take in place makes it anew, with everything that was in it."""

from __future__ import annotations

import pytest

from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World

pytestmark = pytest.mark.proof("a cluster that is made anew gets back all that was in it", step=3)

STACK = "anew"


def test_another_pod_range_makes_the_cluster_anew_with_all_that_was_in_it(world: World) -> None:
    config = small_fleet("only")
    config["clusters"]["only"]["podCidr"] = "10.10.0.0/16"
    world.clone.write_stack(STACK, config)
    world.meshfleet("up", "--stack", STACK, "--json")
    config["clusters"]["only"]["podCidr"] = "10.20.0.0/16"
    world.clone.write_stack(STACK, config)
    changes = world.meshfleet("up", "--stack", STACK, "--json").answer["changes"]
    assert changes["create-replacement"] == changes["delete-replaced"]
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {}
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []
