"""A command that is killed while it works leaves nothing that the next one cannot go on from, or remove.

The points are in kill_points.py; kills by count of operations on files, without clusters, are in
tests/automation/test_killed_commands.py.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from meshfleet.testing import Sandbox, kill, small_fleet
from meshfleet.workspace import fleet_processes as processes
from tests.integration.faults.kill_points import CLUSTERS, Point, Turn, Victims, turns
from tests.integration.faults.killing import killed_at

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("up goes on after kill -9 at any point, and destroy leaves nothing", step=3),
]

STACK = "killed"


@pytest.mark.parametrize("turn", turns(), ids=str)
def test_a_killed_up_is_finished_by_the_next_and_a_killed_destroy_leaves_no_trace(sandbox: Sandbox, turn: Turn) -> None:
    sandbox.write_stack(STACK, stack_file(processes=turn.processes))
    killed_at(sandbox, turn.up, "up", "--stack", STACK)
    require_finished(sandbox)
    sandbox.kubectl(STACK, CLUSTERS[0], "create", "configmap", "mine", "--from-literal=kept=yes")
    killed_at(sandbox, turn.destroy, "destroy", "--stack", STACK, "--yes")
    if turn.up_again:
        require_finished(sandbox)
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


@pytest.mark.root("pods that are processes")
@pytest.mark.proof("namespaces that a killed run leaves block no other run and are removed", step=4)
@pytest.mark.parametrize("lines", [5, 30] if os.environ.get("MESHFLEET_SWEEP") == "full" else [30])
def test_an_up_that_was_killed_while_pods_began_is_finished_by_the_next_and_its_namespaces_go(
    sandbox: Sandbox, lines: int
) -> None:
    sandbox.write_stack(STACK, stack_file(processes=True))
    killed_at(sandbox, Point(lines, 0.1, Victims.GROUP), "up", "--stack", STACK)
    # No process is left that would remove them.
    for agents in processes.find(sandbox.home / "fleets" / STACK / "nodes").values():
        for agent in agents:
            kill(agent)
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    report = sandbox.meshfleet("verify", "--stack", STACK, "--json").report
    assert report["ok"]
    assert "traffic-reach" in {check["name"] for check in report["checks"]}
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def test_a_fleet_whose_making_was_killed_is_destroyed_without_a_trace(sandbox: Sandbox) -> None:
    sandbox.write_stack(STACK, stack_file())
    # While the clusters are made, of which the engine has not seen the end.
    killed_at(sandbox, Point(3, 1.0, Victims.COMMAND), "up", "--stack", STACK)
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def stack_file(*, processes: bool = False) -> dict[str, Any]:
    """Two clusters; with `processes` their pods are, and one of them answers requests."""
    stack = small_fleet(*CLUSTERS)
    if not processes:
        return stack
    for cluster in stack["clusters"].values():
        cluster["embedded"] = {"pods": "processes"}
    return stack | {"workloads": {"echo": {"namespace": "sample"}}}


def require_finished(sandbox: Sandbox) -> None:
    """`up` completes, after which nothing differs from the stack file and every question is answered as it should."""
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    for cluster in CLUSTERS:
        assert set(releases(sandbox, cluster).values()) == {"deployed"}
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["ok"]


def releases(sandbox: Sandbox, cluster: str) -> dict[str, str]:
    """Each Helm release and the status of its last revision: `pending-install` is what a killed Helm leaves."""
    secrets = sandbox.get(STACK, cluster, "secrets", "--all-namespaces", "--selector", "owner=helm")
    labels = [secret["metadata"]["labels"] for secret in secrets["items"]]
    # Sorted by revision, so that the last one stays.
    return {found["name"]: found["status"] for found in sorted(labels, key=lambda one: int(one["version"]))}
