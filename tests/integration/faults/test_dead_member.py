"""A cluster whose folder was deleted by hand: made anew while it is in the stack file, forgotten once it is not."""

from __future__ import annotations

import shutil
import signal
from typing import Any

import httpx2
import pytest

from meshfleet.workspace import fleet_processes as processes
from tests.integration.faults.lines import Lines
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World, settled

STACK = "dead"


def vanish(world: World, cluster: str) -> None:
    """What a person does who takes a cluster's folder for rubbish: end its processes, delete it."""
    folder = world.home / "fleets" / STACK / "clusters" / cluster
    processes.end([process for same in processes.find(folder).values() for process in same], grace=0)
    assert settled(lambda: not processes.find(folder), 10)
    shutil.rmtree(folder)


def debugged(world: World) -> dict[str, list[dict[str, Any]]]:
    """What each istiod says of the clusters it reads, by its own cluster's name."""
    status = world.meshfleet("status", "--stack", STACK, "--json").answer
    found = {}
    for cluster in status["clusters"]:
        url = f"{cluster['controlPlane']['debugUrl']}/debug/clusterz"
        found[cluster["name"]] = httpx2.get(url, timeout=10, trust_env=False).raise_for_status().json()
    return found


def istiods(world: World, *clusters: str) -> list[int]:
    return [world.program(STACK, f"istiods/{cluster}.default", "pilot-discovery").pid for cluster in clusters]


def traces(world: World, cluster: str) -> list[str]:
    """Whatever of a cluster is left on this machine or in the state."""
    folder = world.home / "fleets" / STACK
    running = [process for same in processes.find(folder).values() for process in same]
    state = (world.home / "state" / ".pulumi" / "stacks" / "meshfleet" / f"{STACK}.json").read_text(encoding="utf-8")
    return [
        *(line[0] for process in running if f"/{cluster}" in (line := process.cmdline())[0]),
        *(str(path) for path in folder.rglob(f"*{cluster}*")),
        *(owner for owner in world.reservations() if cluster in owner.split("/")),
        *(mark for mark in (f"::{cluster}/", f'::{cluster}"', f'"name":"{cluster}"') if mark in state.replace(" ", "")),
    ]


@pytest.mark.proof("a dead member is forgotten with one flag, and nobody names it any more", step=3)
def test_a_dead_member_is_forgotten_even_by_a_second_command_after_a_killed_one(world: World) -> None:
    world.clone.write_stack(STACK, small_fleet("host", "east", "west"))
    world.meshfleet("up", "--stack", STACK, "--json")
    assert {entry["id"] for entry in debugged(world)["host"]} == {"host", "east", "west"}
    before = istiods(world, "host", "east")
    vanish(world, "west")
    refused = world.meshfleet("up", "--stack", STACK, "--forget", "west", expect=2)
    assert refused.err.splitlines()[-1].startswith("--forget: 'west' is in the stack file; take it out")

    world.clone.write_stack(STACK, small_fleet("host", "east"))
    refused = world.meshfleet("up", "--stack", STACK, "--forget", "south", "--json", expect=2)
    assert refused.answer["faults"][0]["message"].endswith("known are east, host, west")
    assert traces(world, "west") != []
    command = world.start("up", "--stack", STACK, "--forget", "west")
    lines = Lines(command)
    lines.wait_for(lambda heard: any("resources dropped from the state" in line for line in heard))
    command.kill()
    assert lines.end() == -signal.SIGKILL

    answer = world.meshfleet("up", "--stack", STACK, "--forget", "west", "--json").answer
    assert list(answer["forgotten"]) == ["west"]
    for entries in debugged(world).values():
        assert {entry["id"]: entry["syncStatus"] for entry in entries} == {"host": "synced", "east": "synced"}
    # Not one of them had to start again for it.
    assert istiods(world, "host", "east") == before
    assert traces(world, "west") == []
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {}
    # By now it is unknown like any other.
    world.meshfleet("up", "--stack", STACK, "--forget", "west", expect=2)
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []


@pytest.mark.proof("a cluster whose folder was deleted by hand is made anew with all that was in it", step=3)
def test_a_cluster_whose_folder_was_deleted_is_made_anew_with_all_that_was_in_it(world: World) -> None:
    world.clone.write_stack(STACK, small_fleet("host", "west"))
    world.meshfleet("up", "--stack", STACK, "--json")
    vanish(world, "west")
    told = world.meshfleet("drift", "--stack", STACK, "--json", expect=3).answer["drift"]
    assert any(line.startswith("west: processes") for line in told), told
    ran = world.meshfleet("up", "--stack", STACK, "--json")
    assert "west: the directory of the cluster is missing; it is recreated" in ran.err
    assert ran.answer["changes"]["create"] >= 10
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]

    # While it does not run, another range cannot be given to it in any other way either.
    vanish(world, "west")
    config = small_fleet("host", "west")
    config["clusters"]["west"]["podCidr"] = "10.20.0.0/16"
    world.clone.write_stack(STACK, config)
    world.meshfleet("up", "--stack", STACK, "--refresh", "--json")
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {}
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []
