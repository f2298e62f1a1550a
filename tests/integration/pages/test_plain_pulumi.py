"""Plain `pulumi` on the same stack file sees the same fleet as the command."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from meshfleet.testing import CommandResult, FleetUnderTest, settled
from meshfleet.workspace import fleet_processes as processes
from tests.integration.clone import Clone, git

pytestmark = pytest.mark.proof("plain pulumi gives the same as the command", step=3)


@pytest.fixture
def _stack_file_restored(dev_fleet: FleetUnderTest) -> Iterator[None]:
    yield
    git(dev_fleet.sandbox.project, "checkout", "--quiet", "--", "stacks")


def pulumi(fleet: FleetUnderTest, *arguments: str) -> CommandResult:
    """Run pulumi as in a shell after eval "$(meshfleet env)"."""
    return fleet.sandbox.run(["env", "pulumi", *arguments, "--non-interactive"], more=fleet.sandbox.exports())


def foreign_clusters(fleet: FleetUnderTest) -> list[psutil.Process]:
    """Processes of this sandbox that are no part of its clusters."""
    clusters = {one for same in processes.find(fleet.sandbox.home / "fleets").values() for one in same}
    return [process for process in fleet.sandbox.processes() if process not in clusters]


@pytest.mark.usefixtures("_stack_file_restored")
def test_pulumi_up_and_preview_find_nothing_to_change(dev_fleet: FleetUnderTest, clone: Clone) -> None:
    root = dev_fleet.sandbox.project
    up = pulumi(dev_fleet, "up", "--stack", "dev", "--yes")
    assert "unchanged" in up.out
    assert "created" not in up.out
    pulumi(dev_fleet, "preview", "--stack", "dev", "--expect-no-changes")
    # Neither the engine nor its language host stays when pulumi has ended.
    assert settled(lambda: not foreign_clusters(dev_fleet), 15), [one.cmdline() for one in foreign_clusters(dev_fleet)]
    # Pulumi itself notes the salt of the passphrase in the stack file it is run on, and nothing else.
    changed = git(root, "diff", "--unified=0").splitlines()
    written = [line for line in changed if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    assert [line.partition(":")[0] for line in written] in ([], ["+encryptionsalt"])
    # The command goes on with that file as well as without what Pulumi wrote.
    assert dev_fleet.sandbox.meshfleet("up", "--stack", "dev", "--json").report["changes"] == {}
    git(root, "checkout", "--quiet", "--", "stacks")
    assert dev_fleet.sandbox.meshfleet("up", "--stack", "dev", "--json").report["changes"] == {}
    assert clone.changed_files() == []
