"""A command that is killed while it works leaves nothing that the next one cannot go on from, or remove."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import suppress

import pytest

from embedded import processes
from tests.integration.faults.lines import Lines
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World, kill

pytestmark = pytest.mark.proof("up goes on after kill -9 at any point, and destroy leaves nothing", step=3)

CLUSTERS = ("host", "west")
# `up` of these two clusters makes so many resources, and says a line for each.
RESOURCES = 29
POINTS = 5
SEED = 20261123


def points() -> list[tuple[int, float, bool]]:
    """A point in each fifth of the way: lines heard, seconds after them, and whether all processes are killed."""
    chance = random.Random(SEED)
    share = RESOURCES / POINTS
    # The clusters take seconds and say nothing meanwhile; afterwards something is under way at any moment.
    return [
        (int(share * (part + chance.random())), chance.uniform(0, 1.5 if part == 0 else 0.2), part % 2 == 1)
        for part in range(POINTS)
    ]


@pytest.mark.parametrize(("lines", "delay", "whole_group"), points())
def test_an_up_that_was_killed_is_finished_by_the_next_and_destroyed_without_a_trace(
    world: World, lines: int, delay: float, whole_group: bool
) -> None:
    world.clone.write_stack("killed", small_fleet(*CLUSTERS))
    start_and_kill(world, lines, delay, whole_group=whole_group)
    assert world.meshfleet("up", "--stack", "killed", "--json").answer["ok"]
    assert world.meshfleet("verify", "--stack", "killed", "--json").answer["ok"]
    for cluster in CLUSTERS:
        assert set(releases(world, cluster).values()) == {"deployed"}
    assert world.meshfleet("preview", "--stack", "killed", "--expect-no-changes", "--json").answer["ok"]
    world.meshfleet("destroy", "--stack", "killed", "--yes")
    assert world.remains("killed") == []


@pytest.mark.root("pods that are processes")
@pytest.mark.proof("namespaces that a killed run leaves are in nobody's way and are removed", step=4)
@pytest.mark.parametrize("lines", [5, 30])
def test_an_up_that_was_killed_while_pods_began_is_finished_by_the_next_and_its_namespaces_go(
    world: World, lines: int
) -> None:
    stack = small_fleet(*CLUSTERS)
    for cluster in stack["clusters"].values():
        cluster["embedded"] = {"pods": "processes"}
    world.clone.write_stack("killed", stack | {"workloads": {"echo": {"namespace": "sample"}}})
    start_and_kill(world, lines, delay=0.1, whole_group=True)
    # Nobody is left who would look after them.
    for agents in processes.find(world.home / "fleets" / "killed" / "nodes").values():
        for agent in agents:
            kill(agent)
    assert world.meshfleet("up", "--stack", "killed", "--json").answer["ok"]
    report = world.meshfleet("verify", "--stack", "killed", "--json").answer
    assert report["ok"]
    assert "traffic-reach" in {check["name"] for check in report["checks"]}
    world.meshfleet("destroy", "--stack", "killed", "--yes")
    assert world.remains("killed") == []


def test_a_fleet_whose_making_was_killed_is_destroyed_without_a_trace(world: World) -> None:
    world.clone.write_stack("killed", small_fleet(*CLUSTERS))
    # In the midst of making the clusters, which the engine has not heard the end of.
    start_and_kill(world, lines=3, delay=1.0, whole_group=True)
    world.meshfleet("destroy", "--stack", "killed", "--yes")
    assert world.remains("killed") == []


def releases(world: World, cluster: str) -> dict[str, str]:
    """Each Helm release and the status of its last revision: `pending-install` is what a killed Helm leaves."""
    secrets = world.get("killed", cluster, "secrets", "--all-namespaces", "--selector", "owner=helm")
    labels = [secret["metadata"]["labels"] for secret in secrets["items"]]
    # Sorted by revision, so that the last one stays.
    return {found["name"]: found["status"] for found in sorted(labels, key=lambda one: int(one["version"]))}


def start_and_kill(world: World, lines: int, delay: float, *, whole_group: bool) -> None:
    """Start an up from nothing and kill it `delay` seconds after so many lines told of made resources."""
    command = world.start("up", "--stack", "killed")
    told = Lines(command)
    told.wait_for(lambda heard: sum(" created (" in line for line in heard) >= lines)
    with suppress(subprocess.TimeoutExpired):
        command.wait(timeout=delay)
    assert command.poll() is None, f"it ended before it was killed:\n{told.text}"
    if whole_group:
        os.killpg(command.pid, signal.SIGKILL)
    else:
        command.kill()
    assert told.end() == -signal.SIGKILL
