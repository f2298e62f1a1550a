"""A real fleet of one cluster whose files are damaged, one after the other: `up` goes on with what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshfleet.testing import Sandbox, small_fleet
from meshfleet.workspace import fleet_processes as processes
from tests.automation.made_up_home import WAYS, files
from tests.integration.clone import Clone

pytestmark = [pytest.mark.extended, pytest.mark.proof("damaged files lose nothing and are named", step=3)]

STACK = "damaged"
CLUSTER = f"fleets/{STACK}/clusters/only"


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Sandbox]:
    """A running fleet whose cluster holds something that is not the stack's."""
    with clone.sandbox() as sandbox:
        clone.write_stack(STACK, small_fleet("only"))
        sandbox.meshfleet("up", "--stack", STACK)
        sandbox.meshfleet("status", "--stack", STACK)
        sandbox.kubectl(STACK, "only", "create", "configmap", "mine", "--from-literal=kept=yes")
        yield sandbox


def require_kept(sandbox: Sandbox) -> None:
    """The cluster is the one it was: what a user put into it is still there."""
    assert sandbox.get(STACK, "only", "configmap", "mine")["data"] == {"kept": "yes"}


def control_plane(sandbox: Sandbox) -> dict[str, list[int]]:
    found = processes.find(sandbox.home / CLUSTER)
    return {name: [one.pid for one in same] for name, same in found.items()}


RECORDS = (
    f"{CLUSTER}/cluster.json",
    f"{CLUSTER}/kubeconfig",
    "reservations.json",
    f"fleets/{STACK}/reservations.json",
    f"fleets/{STACK}/.meshfleet",
    ".meshfleet",
    f"fleets/{STACK}/Pulumi.{STACK}.yaml",
    f"fleets/{STACK}/istiods/only.default/fingerprint",
)


def test_every_damaged_record_is_rebuilt_or_named_and_the_cluster_runs_on(fleet: Sandbox) -> None:
    before = control_plane(fleet)
    ways = list(WAYS)
    for number, name in enumerate(RECORDS):
        path = fleet.home / name
        whole = path.read_bytes()
        # Each file in one way, each way for some file; all of them in tests/automation/test_damaged_files.py.
        way = ways[number % len(ways)]
        content = WAYS[way](whole)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        ran = fleet.meshfleet("up", "--stack", STACK, expect=None)
        assert "Traceback" not in ran.err
        if ran.code:
            assert (ran.code, str(path) in ran.err) == (1, True), ran.text
            path.unlink(missing_ok=True)
            fleet.meshfleet("up", "--stack", STACK)
        assert control_plane(fleet) == before, (name, way)
    require_kept(fleet)
    assert fleet.meshfleet("verify", "--stack", STACK, "--json").report["ok"]


def test_a_cluster_without_any_record_is_started_again_with_its_data(fleet: Sandbox) -> None:
    ports = fleet.reservations()[f"{STACK}/cluster/only"]
    for process in [one for same in processes.find(fleet.home / CLUSTER).values() for one in same]:
        process.kill()
    for name in (f"{CLUSTER}/cluster.json", "reservations.json", f"fleets/{STACK}/reservations.json"):
        (fleet.home / name).write_bytes(b"")
    fleet.meshfleet("up", "--stack", STACK)
    assert fleet.reservations()[f"{STACK}/cluster/only"] == ports
    require_kept(fleet)


def test_a_state_that_was_cut_is_restored_and_the_next_up_changes_nothing(fleet: Sandbox) -> None:
    path = fleet.home / "state" / ".pulumi" / "stacks" / "meshfleet" / f"{STACK}.json"
    roots = json.loads(fleet.meshfleet("status", "--stack", STACK, "--json").out)["meshes"]
    for content in (path.read_bytes()[:1000], b"", None):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        refused = fleet.meshfleet("up", "--stack", STACK, expect=1)
        assert f"{path}.bak of " in refused.err
        fleet.meshfleet("up", "--stack", STACK, "--restore-state")
    assert fleet.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["ok"]
    assert json.loads(fleet.meshfleet("status", "--stack", STACK, "--json").out)["meshes"] == roots
    require_kept(fleet)


def test_a_home_that_was_moved_runs_on_and_is_destroyed_where_it_is(fleet: Sandbox) -> None:
    before = control_plane(fleet)
    moved = fleet.folder / "a home elsewhere"
    fleet.home.rename(moved)
    fleet.extra["MESHFLEET_HOME"] = str(moved)
    assert {name for name, same in processes.find(moved / CLUSTER).items() if same} == set(before)
    fleet.meshfleet("up", "--stack", STACK)
    found = processes.find(moved / CLUSTER)
    assert {name: [one.pid for one in same] for name, same in found.items()} == before
    fleet.meshfleet("destroy", "--stack", STACK, "--yes")
    # One that has ended and that nobody has collected yet still has its number.
    left = [one for same in found.values() for one in same if one.is_running()]
    assert [one.pid for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    assert not (moved / "fleets").exists()
    _none_left(moved)


def _none_left(home: Path) -> None:
    assert [name for name in files(home) if name.startswith("fleets/")] == []
