"""A member that goes down while the fleet is brought up stops nobody else."""

from __future__ import annotations

import signal

import pytest

from tests.integration.faults.lines import Lines
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World, kill

pytestmark = pytest.mark.proof("a member that stops during up is named, the others complete", step=3)

STACK = "member"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["ended", "hangs"])
def test_the_others_complete_the_error_names_the_member_and_the_next_up_repairs_it(
    world: World, number: signal.Signals
) -> None:
    world.clone.write_stack(STACK, small_fleet("host", "west"))
    lines = Lines(world.start("up", "--stack", STACK))
    lines.wait_for(lambda heard: any(line.startswith("west  cluster  processes created") for line in heard))
    api_server = world.program(STACK, "clusters/west", "kube-apiserver")
    kill(api_server, number)
    assert lines.end() == 1
    error = lines.text.partition("error: ")[2]
    assert error, lines.text
    named = [line.strip() for line in error.splitlines() if line.startswith("  ")]
    assert named
    assert all(line.startswith("west: ") for line in named), error
    assert "does not answer" in error
    assert f"run meshfleet up --stack {STACK} again" in error
    for done in ("istiod-process", "east-west-gateway", "cross-network-gateway", "namespace-sample"):
        assert any(line.startswith("host  ") and f"  {done} created" in line for line in lines.heard), done
    if number == signal.SIGSTOP:
        # Only who stopped it can wake it up; a process that ended is started again by the next up.
        api_server.resume()
    assert world.meshfleet("up", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []
