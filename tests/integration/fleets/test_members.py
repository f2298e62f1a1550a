"""Members come and go, and each keeps what it has: the others see nothing of it but in their remote secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.testing import Istiod, Sandbox, settled, small_fleet
from meshfleet.workspace import fleet_processes as processes
from tests.integration.clone import Clone
from tests.integration.fleets.observer import Observer

pytestmark = pytest.mark.extended

STACK = "members"
STAYING, MEMBER = ("host", "west"), "east"


@pytest.fixture(scope="module")
def shared(clone: Clone) -> Iterator[Sandbox]:
    """A fleet of two clusters, to which the tests add a third and take it away again."""
    with clone.sandbox() as sandbox:
        sandbox.write_stack(STACK, small_fleet(*STAYING))
        sandbox.meshfleet("up", "--stack", STACK, "--json")
        yield sandbox
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


def up(sandbox: Sandbox, *clusters: str) -> list[str]:
    """Bring up these clusters while those that stay are watched, which must notice nothing; the lines it printed."""
    sandbox.write_stack(STACK, small_fleet(*clusters))
    before = istiods(sandbox)
    observer = Observer(sandbox, STACK, STAYING)
    with observer.watching():
        command = sandbox.start("up", "--stack", STACK)
        assert command.end() == 0, command.text
        assert settled(lambda: all(reads(sandbox, name) == dict.fromkeys(clusters, "synced") for name in STAYING), 30)
    assert observer.faults() == []
    assert observer.silent == {}
    assert all(observer.looks[name] > 20 for name in STAYING)
    assert istiods(sandbox) == before
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    return [line for line in command.lines if line.startswith((*STAYING, MEMBER))]


def reads(sandbox: Sandbox, cluster: str) -> dict[str, str]:
    """The clusters that the istiod of a cluster reads, and how it is with them."""
    port = sandbox.reservations()[f"{STACK}/istiod/{cluster}/default"]["http"]
    return Istiod.on_port(cluster, port).sync()


def istiods(sandbox: Sandbox) -> dict[str, int]:
    """The process of each istiod that stays."""
    return {name: sandbox.program(STACK, f"istiods/{name}.default", "pilot-discovery").pid for name in STAYING}


# What is to be read is tried first, then handed to istiod.
DISCOVERY_CHANGED = sorted(
    f"{name}  discovery  {what} changed" for name in STAYING for what in ("remote-clusters", "remote-secrets")
)


def others(lines: list[str]) -> list[str]:
    """What was done to the clusters that stay, without the seconds it took."""
    return sorted(line.partition(" (")[0] for line in lines if line.startswith(STAYING))


@pytest.mark.proof("a member is added and removed, and the others have only their remote secrets changed", step=3)
def test_a_member_comes_and_of_the_others_only_remote_secrets_change(shared: Sandbox) -> None:
    lines = up(shared, *STAYING, MEMBER)
    assert others(lines) == DISCOVERY_CHANGED


@pytest.mark.proof("a member is added and removed, and the others have only their remote secrets changed", step=3)
def test_a_member_goes_once_nobody_reads_it_any_more_and_nothing_of_it_is_left(shared: Sandbox) -> None:
    shared.meshfleet("status", "--stack", STACK, "--json")
    lines = up(shared, *STAYING)
    assert others(lines) == DISCOVERY_CHANGED
    changed = [number for number, line in enumerate(lines) if line.startswith(STAYING)]
    deleted = [number for number, line in enumerate(lines) if line.startswith(MEMBER)]
    assert all(" deleted" in lines[number] for number in deleted)
    assert max(changed) < min(deleted)

    home = shared.home / "fleets" / STACK
    running = [process for same in processes.find(home).values() for process in same]
    assert [process.cmdline()[0] for process in running if f"/{MEMBER}" in process.cmdline()[0]] == []
    assert [str(path) for path in home.rglob(f"*{MEMBER}*")] == []
    assert [owner for owner in shared.reservations() if MEMBER in owner.split("/")] == []
    assert shared.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
