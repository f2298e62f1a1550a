"""What a session makes of what the engine reports: failures with their causes, drift, and the status of a stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation import fleet_status
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.session import Session
from meshfleet.automation.state.recorded_state import Deployment
from meshfleet.errors import EngineError
from meshfleet.topology import StackFile, load, read_stack_file
from tests.automation.events import diagnostic, done, failed
from tests.automation.stack_files import write_stack

pytestmark = pytest.mark.proof("the command's answers, exit codes and JSON", step=0)


@dataclass
class Engine:
    """Reports these events."""

    events: tuple[Any, ...]

    def run(self, operation: str, hear: Any, **options: Any) -> Record:
        record = Record()
        for event in self.events:
            record.add(event)
            hear(event)
        return record

    def recorded(self) -> Deployment:
        return {}


def session_with(checkout: Checkout, stacks: Path, *events: Any, stack: str = "examples/two-meshes") -> Session:
    file = read_stack_file(stacks, stack)
    made = Session(Checkout(stacks.parent, checkout.home), file, load(file.stack, file.config), quiet=True)
    made.__dict__["engine"] = Engine(events)
    return made


def test_a_run_that_did_not_complete_names_every_failure_and_the_command_to_repeat(
    checkout: Checkout, stacks: Path
) -> None:
    session = session_with(checkout, stacks, failed("west/istiod"), diagnostic("refused", "west/istiod"))
    with pytest.raises(EngineError) as caught:
        session.run("up", "up examples/two-meshes")
    assert str(caught.value) == (
        "up examples/two-meshes did not complete:\n  west: istiod: refused\n"
        "completed changes are kept; fix the cause and run meshfleet up --stack examples/two-meshes again"
    )


def test_an_up_also_reports_which_clusters_were_left_without_their_control_plane(
    checkout: Checkout, stacks: Path
) -> None:
    events = (failed("primary/istiod-process"), diagnostic("it ended; look into its log", "primary/istiod-process"))
    clusters: dict[str, dict[str, Any]] = {
        name: {"embedded": {}, "network": f"network-{name}"} for name in ("primary", "branch")
    }
    clusters["branch"]["controlPlane"] = {"remote": "primary"}
    networks: dict[str, Any] = {f"network-{name}": {} for name in clusters}
    write_stack(stacks, "served", {"host": "primary", "networks": networks, "clusters": clusters})
    session = session_with(checkout, stacks, *events, stack="served")
    with pytest.raises(EngineError) as caught:
        session.run("up", "up served")
    assert str(caught.value).splitlines()[:3] == [
        "up served did not complete:",
        "  primary: istiod-process: it ended; look into its log",
        "  branch waits for the control plane of primary, whose istiod-process failed: it ended",
    ]
    with pytest.raises(EngineError) as caught:
        session.run("preview", "preview served")
    assert "branch" not in str(caught.value)


def test_what_follows_from_a_dead_cluster_is_drift_of_it_and_reported_in_one_line(
    checkout: Checkout, stacks: Path
) -> None:
    session = session_with(
        checkout,
        stacks,
        done("west/processes", "update"),
        diagnostic("connection refused", "west/istiod"),
        diagnostic("connection refused", "west/cacerts"),
    )
    record, unread = session.compare("drift dev")
    assert [str(change) for change in record.changes] == ["west: processes update"]
    assert unread == ["west: 2 resources cannot be read: connection refused"]


@pytest.mark.parametrize("reason", [diagnostic("refused", "east/istiod"), diagnostic("the backend is gone")])
def test_what_cannot_be_read_without_a_change_that_reports_why_is_a_failure(
    reason: Any, checkout: Checkout, stacks: Path
) -> None:
    session = session_with(checkout, stacks, done("west/processes", "update"), reason)
    with pytest.raises(EngineError, match="drift dev did not complete"):
        session.compare("drift dev")


@dataclass
class Outputs:
    """An engine that only has exports."""

    exports: dict[str, Any] | None
    file: StackFile

    def exists(self) -> bool:
        return self.exports is not None

    def outputs(self) -> dict[str, Any]:
        return self.exports or {}


def test_status_puts_each_kubeconfig_into_a_file_of_its_owner(checkout: Checkout, stacks: Path) -> None:
    known = {"mesh": "mesh1", "network": "n", "controlPlane": {"kind": "own"}}
    exports: dict[str, Any] = {
        "fleet": {"stack": "dev", "clusters": [{"name": name, **known} for name in ("west", "east")]},
        "kubeconfigs": {"west": "the kubeconfig"},
    }
    engine: Any = Outputs(exports, read_stack_file(stacks, "dev"))
    status = fleet_status.fleet_status(checkout, engine)
    path = checkout.kubeconfig("dev", "west")
    assert [cluster.kubeconfig for cluster in status.clusters] == [str(path), None]
    assert path.read_text(encoding="utf-8") == "the kubeconfig"
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in (path.parent, checkout.home))
    assert "the kubeconfig" not in json.dumps(status.document())
    # Once the cluster is not there any more its kubeconfig is not either.
    del exports["fleet"]["clusters"][0]
    fleet_status.fleet_status(checkout, engine)
    assert not path.exists()


@pytest.mark.parametrize("exports", [None, {}, {"fleet": None}])
def test_the_status_of_a_stack_that_is_not_up_is_what_to_do(
    exports: dict[str, Any] | None, checkout: Checkout, stacks: Path
) -> None:
    engine: Any = Outputs(exports, read_stack_file(stacks, "dev"))
    with pytest.raises(EngineError, match="the stack dev is not deployed; run meshfleet up --stack dev"):
        fleet_status.fleet_status(checkout, engine)
