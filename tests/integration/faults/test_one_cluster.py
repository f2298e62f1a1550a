"""Faults of one small fleet: two commands at once, a port that is taken, a stack file that is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.clone import Clone
from tests.integration.faults.lines import Lines
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import Ran, World, kill, make_world, settled

pytestmark = pytest.mark.proof("locks, ports and stack files that are not as expected", step=3)

STACK = "solo"


@dataclass(frozen=True)
class Solo:
    """A fleet of one cluster; `second` is what a second up said while the first, process `first`, worked."""

    world: World
    first: int
    second: Ran


@pytest.fixture(scope="module")
def solo(clone: Clone) -> Iterator[Solo]:
    with make_world(clone) as world:
        clone.write_stack(STACK, small_fleet("only"))
        command = world.start("up", "--stack", STACK)
        lines = Lines(command)
        lines.wait_for(lambda heard: any(" created (" in line for line in heard))
        second = world.meshfleet("up", "--stack", STACK, expect=None)
        assert lines.end() == 0, lines.text
        yield Solo(world, command.pid, second)


def test_a_second_up_at_the_same_time_says_who_holds_the_stack(solo: Solo) -> None:
    assert solo.second.code == 1
    assert f"the stack {STACK} is in use by meshfleet up --stack {STACK} (process {solo.first})" in solo.second.err


def test_a_port_that_somebody_took_is_named_with_its_holder_and_mended_once_it_is_free(solo: Solo) -> None:
    world = solo.world
    owner = f"{STACK}/cluster/only"
    port = world.reservations()[owner]["kube-apiserver"]
    api_server = world.program(STACK, "clusters/only", "kube-apiserver")
    kill(api_server)
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert settled(lambda: _bound(foreign, port), 20)
        foreign.listen()
        failed = world.meshfleet("up", "--stack", STACK, expect=1)
        assert f"port 127.0.0.1:{port} (kube-apiserver) is taken by process {os.getpid()} (" in failed.err
    assert world.meshfleet("up", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]


def test_destroy_needs_no_stack_file(solo: Solo) -> None:
    path = solo.world.clone.root / "stacks" / f"Pulumi.{STACK}.yaml"
    path.unlink()
    solo.world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert solo.world.remains(STACK) == []


def test_a_new_cluster_takes_other_ports_where_somebody_has_its_usual_ones(world: World) -> None:
    world.clone.write_stack("moved", small_fleet("only"))
    lines = Lines(world.start("up", "--stack", "moved"))
    lines.wait_for(lambda heard: any("  istiod-address created" in line for line in heard))
    kill_and_wait(lines)
    usual = world.reservations()["moved/istiod/only/default"]
    world.meshfleet("destroy", "--stack", "moved", "--yes")
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", usual["https"]))
        foreign.listen()
        assert world.meshfleet("up", "--stack", "moved", "--json").answer["ok"]
        assert usual["https"] not in world.reservations()["moved/istiod/only/default"].values()
    world.meshfleet("destroy", "--stack", "moved", "--yes")
    assert world.remains("moved") == []


def kill_and_wait(lines: Lines) -> None:
    lines.process.kill()
    lines.end()


def _bound(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
