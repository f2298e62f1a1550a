"""A cluster whose folder was deleted by hand: made anew while it is in the stack file, forgotten once it is not."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest, Sandbox, settled, small_fleet
from meshfleet.workspace import fleet_processes as processes
from tests.integration.clone import Clone

pytestmark = pytest.mark.extended

STACK = "dead"


def vanish(sandbox: Sandbox, cluster: str) -> None:
    """What a person does who takes a cluster's folder for rubbish: end its processes, delete it."""
    folder = sandbox.home / "fleets" / STACK / "clusters" / cluster
    processes.end([process for same in processes.find(folder).values() for process in same], grace=0)
    assert settled(lambda: not processes.find(folder), 10)
    shutil.rmtree(folder)


def istiods(sandbox: Sandbox, *clusters: str) -> list[int]:
    return [sandbox.program(STACK, f"istiods/{cluster}.default", "pilot-discovery").pid for cluster in clusters]


def traces(sandbox: Sandbox, cluster: str) -> list[str]:
    """Whatever of a cluster is left on this machine or in the state."""
    folder = sandbox.home / "fleets" / STACK
    running = [process for same in processes.find(folder).values() for process in same]
    state = (sandbox.home / "state" / ".pulumi" / "stacks" / "meshfleet" / f"{STACK}.json").read_text(encoding="utf-8")
    return [
        *(line[0] for process in running if f"/{cluster}" in (line := process.cmdline())[0]),
        *(str(path) for path in folder.rglob(f"*{cluster}*")),
        *(owner for owner in sandbox.reservations() if cluster in owner.split("/")),
        *(mark for mark in (f"::{cluster}/", f'::{cluster}"', f'"name":"{cluster}"') if mark in state.replace(" ", "")),
    ]


@pytest.fixture(scope="module")
def shared(clone: Clone) -> Iterator[Sandbox]:
    """A fleet of three clusters, one of which is lost for good, and then another one for a while."""
    with clone.sandbox() as sandbox:
        yield sandbox
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


@pytest.mark.proof("a dead member is forgotten with one flag, and no peer refers to it any more", step=3)
def test_a_dead_member_is_forgotten_even_by_a_second_command_after_a_killed_one(shared: Sandbox) -> None:
    sandbox = shared
    sandbox.write_stack(STACK, small_fleet("host", "east", "west"))
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    fleet = FleetUnderTest(sandbox, STACK)
    assert fleet.istiod("host").clusters().keys() == {"host", "east", "west"}
    before = istiods(sandbox, "host", "east")
    vanish(sandbox, "west")
    refused = sandbox.meshfleet("up", "--stack", STACK, "--forget", "west", expect=2)
    assert refused.err.splitlines()[-1].startswith("--forget: 'west' is in the stack file; remove it")

    sandbox.write_stack(STACK, small_fleet("host", "east"))
    refused = sandbox.meshfleet("up", "--stack", STACK, "--forget", "south", "--json", expect=2)
    assert refused.report["faults"][0]["message"].endswith("known are east, host, west")
    assert traces(sandbox, "west") != []
    lines = sandbox.start("up", "--stack", STACK, "--forget", "west")
    lines.wait_for(lambda heard: any("resources dropped from the state" in line for line in heard))
    lines.process.kill()
    assert lines.end() == -signal.SIGKILL

    answer = sandbox.meshfleet("up", "--stack", STACK, "--forget", "west", "--json").report
    assert list(answer["forgotten"]) == ["west"]
    fleet = FleetUnderTest(sandbox, STACK)
    assert fleet.clusters == {"host", "east"}
    for cluster in ("host", "east"):
        assert fleet.istiod(cluster).sync() == {"host": "synced", "east": "synced"}
    # Not one of them had to start again for it.
    assert istiods(sandbox, "host", "east") == before
    assert traces(sandbox, "west") == []
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
    # By now it is unknown like any other.
    sandbox.meshfleet("up", "--stack", STACK, "--forget", "west", expect=2)


@pytest.mark.proof("a cluster whose folder was deleted by hand is recreated with all that was in it", step=3)
def test_a_cluster_whose_folder_was_deleted_is_recreated_with_all_that_was_in_it(shared: Sandbox) -> None:
    sandbox = shared
    sandbox.write_stack(STACK, small_fleet("host", "east"))
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    vanish(sandbox, "east")
    told = sandbox.meshfleet("drift", "--stack", STACK, "--json", expect=3).report["drift"]
    assert any(line.startswith("east: processes") for line in told), told
    ran = sandbox.meshfleet("up", "--stack", STACK, "--json")
    assert "east: the directory of the cluster is missing; it is recreated" in ran.err
    assert ran.report["changes"]["create"] >= 10
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]

    # While it does not run, another range cannot be given to it in any other way either.
    vanish(sandbox, "east")
    config = small_fleet("host", "east")
    config["clusters"]["east"]["podCidr"] = "10.20.0.0/16"
    sandbox.write_stack(STACK, config)
    sandbox.meshfleet("up", "--stack", STACK, "--refresh", "--json")
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
