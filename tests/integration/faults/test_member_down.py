"""A member that goes down while the fleet is brought up stops nobody else."""

from __future__ import annotations

import pytest
from tests.integration.faults.lines import Lines
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World, kill

pytestmark = pytest.mark.proof("a member that stops during up is named, the others complete", step=3)


def test_the_others_complete_the_error_names_the_member_and_the_next_up_repairs_it(world: World) -> None:
    world.clone.write_stack("member", small_fleet("host", "west"))
    lines = Lines(world.start("up", "--stack", "member"))
    lines.wait_for(lambda heard: any(line.startswith("west  cluster  processes created") for line in heard))
    kill(world.program("member", "clusters/west", "kube-apiserver"))
    assert lines.end() == 1
    error = lines.text.partition("error: ")[2]
    assert error, lines.text
    named = [line.strip() for line in error.splitlines() if line.startswith("  ")]
    assert named
    assert all(line.startswith("west: ") for line in named), error
    assert "does not answer" in error
    for done in ("istiod-process", "east-west-gateway", "cross-network-gateway", "namespace-sample"):
        assert any(line.startswith("host  ") and f"  {done} created" in line for line in lines.heard), done
    assert world.meshfleet("up", "--stack", "member", "--json").answer["ok"]
    assert world.meshfleet("verify", "--stack", "member", "--json").answer["ok"]
    world.meshfleet("destroy", "--stack", "member", "--yes")
    assert world.remains("member") == []
