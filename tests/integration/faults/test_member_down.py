"""Members that go down while the fleet is brought up stop no other: one ends, another hangs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from meshfleet.testing import RunningCommand, Sandbox, kill, small_fleet
from tests.integration.clone import Clone

pytestmark = pytest.mark.proof("a member that stops during up is named, the others complete", step=3)

STACK = "member"
DOWN = {"west": signal.SIGKILL, "east": signal.SIGSTOP}
each = pytest.mark.parametrize("member", DOWN, ids=["ended", "hangs"])


@dataclass(frozen=True)
class Interrupted:
    """A fleet whose members went down during its first `up`; `lines` is what that printed."""

    sandbox: Sandbox
    lines: RunningCommand
    hanging: psutil.Process

    @property
    def named(self) -> list[str]:
        """What the error says, one line a fault."""
        error = self.lines.text.partition("error: ")[2]
        return [line.strip() for line in error.splitlines() if line.startswith("  ")]


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Interrupted]:
    with clone.sandbox() as sandbox:
        clone.write_stack(STACK, small_fleet("host", *DOWN))
        lines = sandbox.start("up", "--stack", STACK)
        servers = {}
        # In the order in which they come up, each as soon as it is there.
        waiting = dict(DOWN)
        while waiting:
            lines.wait_for(lambda heard: any(_is_made(heard, name) for name in waiting))
            name = next(name for name in waiting if _is_made(lines.lines, name))
            servers[name] = sandbox.program(STACK, f"clusters/{name}", "kube-apiserver")
            kill(servers[name], waiting.pop(name))
        assert lines.end() == 1, lines.text
        yield Interrupted(sandbox, lines, servers["east"])
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


def _is_made(heard: list[str], name: str) -> bool:
    return any(line.startswith(f"{name}  cluster  processes created") for line in heard)


@each
def test_the_error_names_the_member_and_what_to_do(fleet: Interrupted, member: str) -> None:
    assert [line for line in fleet.named if line.startswith(f"{member}: ") and "does not respond" in line], fleet.named
    assert f"run meshfleet up --stack {STACK} again" in fleet.lines.text.partition("error: ")[2]


def test_the_error_names_no_other(fleet: Interrupted) -> None:
    assert fleet.named
    assert all(line.startswith(tuple(f"{member}: " for member in DOWN)) for line in fleet.named), fleet.named


@pytest.mark.parametrize("done", ["istiod-process", "east-west-gateway", "cross-network-gateway", "namespace-sample"])
def test_the_others_complete(fleet: Interrupted, done: str) -> None:
    assert any(line.startswith("host  ") and f"  {done} created" in line for line in fleet.lines.lines)


def test_the_next_up_repairs_them(fleet: Interrupted) -> None:
    # Only who stopped it can wake it up; a process that ended is started again by the next up.
    fleet.hanging.resume()
    assert fleet.sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    assert fleet.sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
