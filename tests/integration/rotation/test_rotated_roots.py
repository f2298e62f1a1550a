"""A mesh goes from one root to another while it is used, and whoever interrupts it breaks nothing."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from meshfleet.testing import RunningCommand, Sandbox
from tests.integration.fleets.observer import Observer, steps
from tests.integration.rotation.fleet import CLUSTERS, STACK, configuration

pytestmark = pytest.mark.extended


def declare(sandbox: Sandbox, **trust: Any) -> None:
    """Write the stack file with this trust."""
    sandbox.write_stack(STACK, configuration(trust))


def processes(sandbox: Sandbox) -> dict[str, psutil.Process]:
    """The process of each istiod."""
    return {name: sandbox.program(STACK, f"istiods/{name}.default", "pilot-discovery") for name in CLUSTERS}


def mesh(sandbox: Sandbox) -> dict[str, Any]:
    """What `status` says of the mesh."""
    (found,) = sandbox.meshfleet("status", "--stack", STACK, "--json").report["meshes"]
    return dict(found)


def until_told(command: RunningCommand, words: str) -> None:
    """Wait until the command has said so."""
    command.wait_for(lambda heard: any(words in line for line in heard))


def holds(sandbox: Sandbox) -> None:
    """The fleet is verified, and there is nothing left to do."""
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["changes"] == []


@pytest.mark.proof("a mesh goes from one root to another, and trust holds at every moment", step=3)
def test_a_root_gives_way_to_another_in_stages_and_at_no_moment_is_anybody_distrusted(shared: Sandbox) -> None:
    before = processes(shared)
    declare(shared, roots=["second"])
    stages = [
        "both roots trusted (first and second)",
        "the new root signs (second)",
        "the old root is dropped (first)",
    ]
    assert shared.meshfleet("preview", "--stack", STACK, "--json").report["stages"] == stages

    observer = Observer(shared, STACK, CLUSTERS)
    with observer.watching():
        command = shared.start("up", "--stack", STACK)
        during = []
        for number in (2, 3):
            # Told before the wait for the stage before, and so before the stage itself.
            until_told(command, f"stage {number} of 3")
            during.append(processes(shared))
        assert command.end() == 0, command.text
    assert observer.faults() == []
    for name in CLUSTERS:
        assert observer.looks[name] > 50
        # One more is trusted, the other signs, one less is trusted.
        assert steps(observer.states(name)) == [(1, False), (2, False), (2, True), (1, False)]

    for name in CLUSTERS:
        # Other roots need another start, another intermediate does not.
        assert before[name] != during[0][name]
        assert during[0][name] == during[1][name]
    told = [line for line in command.lines if line.startswith(("stage", "every"))]
    assert told == [
        f"stage 1 of 3: {stages[0]}\n",
        f"stage 2 of 3: {stages[1]}\n",
        f"every cluster has completed the stage: {stages[0]}\n",
        f"stage 3 of 3: {stages[2]}\n",
        f"every cluster has completed the stage: {stages[1]}\n",
    ]
    assert (mesh(shared)["signing"], mesh(shared)["trust"]) == ("second", "one root (second)")
    holds(shared)


@pytest.mark.proof("a mesh goes from one root to another, and trust holds at every moment", step=3)
def test_an_observer_does_see_what_a_jump_breaks(shared: Sandbox) -> None:
    (old,) = mesh(shared)["roots"]
    declare(shared, roots=[f"{old['name']}x"])
    observer = Observer(shared, STACK, CLUSTERS)
    with observer.watching():
        # Plain pulumi does what the file says, at once.
        shared.run(["env", "pulumi", "up", "--stack", STACK, "--yes", "--non-interactive"], more=shared.exports())
    assert any(" is or was at " in fault for fault in observer.faults())
    holds(shared)


@pytest.mark.proof("a rollout that was killed resumes at its stage", step=3)
@pytest.mark.parametrize("whole_group", [False, True], ids=["the command", "everything"])
def test_a_walk_that_was_killed_goes_on_where_it_was(shared: Sandbox, whole_group: bool) -> None:
    (old,) = mesh(shared)["roots"]
    new = f"{old['name']}x"
    declare(shared, roots=[new])
    observer = Observer(shared, STACK, CLUSTERS)
    with observer.watching():
        told = shared.start("up", "--stack", STACK)
        # In the midst of the second stage: one cluster signs with the new root, or both are about to.
        until_told(told, "intermediate changed")
        if whole_group:
            os.killpg(told.process.pid, signal.SIGKILL)
        else:
            told.process.kill()
        assert told.end() == -signal.SIGKILL
        # A file beside the state, emptied before it is written anew, is one that a kill could leave empty.
        assert list((shared.home / "state").rglob("*.attrs")) == []
        killed = mesh(shared)
        answer = shared.meshfleet("up", "--stack", STACK, "--json").report
    assert observer.faults() == []
    # What every cluster has reached for certain, and the new root is the same one afterwards.
    assert killed["signing"] == old["name"]
    made = {root["name"]: root["fingerprint"] for root in killed["roots"]}
    assert mesh(shared)["roots"][0]["fingerprint"] == made[new]
    assert [stage["name"] for stage in answer["stages"]] == [
        f"both roots trusted ({new} and {old['name']}), {new} signs",
        f"the old root is dropped ({old['name']})",
    ]
    holds(shared)


@pytest.mark.proof("a mesh goes from one root to another, and trust holds at every moment", step=3)
def test_whoever_writes_each_state_gets_there_with_plain_pulumi_as_well(shared: Sandbox) -> None:
    (old,) = mesh(shared)["roots"]
    observer = Observer(shared, STACK, CLUSTERS)
    states: tuple[dict[str, Any], ...] = (
        {"roots": [old["name"], "last"], "signing": old["name"]},
        {"roots": [old["name"], "last"]},
    )
    with observer.watching():
        for trust in states:
            declare(shared, **trust)
            shared.run(["env", "pulumi", "up", "--stack", STACK, "--yes", "--non-interactive"], more=shared.exports())
            assert shared.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
        # And the command takes it from there.
        declare(shared, roots=["last"])
        answer = shared.meshfleet("up", "--stack", STACK, "--json").report
    assert observer.faults() == []
    assert [stage["name"] for stage in answer["stages"]] == [
        "as it is deployed",
        f"the old root is dropped ({old['name']})",
    ]
    holds(shared)
