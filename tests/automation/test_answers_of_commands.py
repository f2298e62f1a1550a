"""What commands say and how they exit, whatever the engine did: with an engine that is made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import verification
from automation import fleet_status
from automation.changes import Change, Place, Record
from automation.checkout import Checkout
from automation.environment import Environment
from automation.session import Session
from tests.automation.events import diagnostic, done, failed
from tests.automation.stack_files import Command, write_stack
from topology import Fleet, StackFile, load, read_stack_file
from topology.errors import EngineError
from topology.stages import Stage
from verification import Answer, Report
from verification.answer import NotRun

pytestmark = pytest.mark.proof("the command's answers, exit codes and JSON", step=0)

CHANGED = Record(changes=[Change(Place("west", "discovery", "remote-secrets"), "delete")])
STATUS: dict[str, Any] = {
    "stack": "dev",
    "clusters": [
        {
            "name": "west",
            "role": "host",
            "mesh": "mesh1",
            "network": "network-west",
            "region": "r",
            "zone": "",
            "kubeconfig": "/nowhere/west.yaml",
            "controlPlane": {
                "kind": "own",
                "of": "west",
                "revision": "default",
                "debugUrl": "http://127.0.0.1:1",
                "revisions": [{"name": "default"}],
            },
            "gateway": {"address": "198.18.0.1", "port": 15443.0, "network": "network-west"},
            "workloads": [
                {"host": "cart.shop.svc.cluster.local", "versions": [{"name": "v2"}, {"name": "v1"}]},
                {"host": "web.shop.svc.cluster.local", "versions": []},
            ],
            "intermediateNotAfter": "2028-11-22T00:00:00Z",
        },
        {
            "name": "east",
            "role": "member",
            "mesh": "mesh1",
            "network": "network-west",
            "region": "",
            "zone": "",
            "kubeconfig": None,
            "controlPlane": {
                "kind": "remote",
                "of": "west",
                "revision": "default",
                "debugUrl": None,
                "revisions": [{"name": "default"}],
            },
            "gateway": None,
            "workloads": [
                {"host": "cart.shop.svc.cluster.local", "versions": [{"name": "v1"}]},
                {"host": "web.shop.svc.cluster.local", "versions": [{"name": "v1"}]},
            ],
            "intermediateNotAfter": "2028-11-21T00:00:00Z",
        },
    ],
    "meshes": [
        {
            "name": "mesh1",
            "model": "multi-primary, several networks",
            "trustDomain": "cluster.local",
            "rootFingerprint": "ab" * 32,
            "rootNotAfter": "2036-11-23T00:00:00Z",
            "roots": [
                {"name": "first", "fingerprint": "cd" * 32, "notAfter": "2027-11-23T00:00:00Z"},
                {"name": "second", "fingerprint": "ab" * 32, "notAfter": "2036-11-23T00:00:00Z"},
            ],
            "signing": "second",
            "trust": "both roots trusted (second and first), second signs",
        }
    ],
    "virtualMachines": [],
}


@dataclass
class MadeUp:
    """A session whose engine does nothing and reports what it is told to."""

    checkout: Checkout
    file: StackFile
    record: Record = field(default_factory=Record)
    unread: list[str] = field(default_factory=list)
    way: tuple[Stage, ...] = ()
    done: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    quiet: bool = True

    @property
    def engine(self) -> MadeUp:
        return self

    def recorded(self) -> dict[str, Any]:
        return self.state

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.done.append("rewrite")
        self.state = change(self.state)

    @property
    def environment(self) -> Environment:
        return Environment(self.checkout, {}, Path("/nowhere"), "")

    def initialise(self) -> None:
        self.done.append("initialise")

    @contextmanager
    def working(self, command: str) -> Iterator[None]:
        self.done.append(command)
        yield
        self.done.append("released")

    name = "dev"

    def stages(self) -> tuple[Stage, ...]:
        return self.way or (Stage("", self.topology),)

    @property
    def topology(self) -> Fleet:
        return load(self.file.stack, self.file.config)

    def tell(self, text: str) -> None:
        self.done.append(text)

    def run(self, operation: str, title: str, *, stage: Fleet | None = None, **options: Any) -> Record:
        self.done.append(f"{operation} {options}" if options else operation)
        return self.record

    def bring_up(self, title: str, **options: Any) -> Record:
        return self.run("up", title, **options)

    def compare(self, title: str) -> tuple[Record, list[str]]:
        return self.record, self.unread

    def status(self) -> dict[str, Any]:
        return STATUS


@pytest.fixture
def session(checkout: Checkout, stacks: Path, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    made = MadeUp(checkout, read_stack_file(stacks, "dev"))
    monkeypatch.setattr("automation.command.open_session", lambda stack, quiet: made)
    return made


def test_up_says_what_changed_and_how_long_it_took(meshfleet: Command, session: MadeUp) -> None:
    result = meshfleet("up", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("dev is up in ")
    assert result.stderr.endswith("nothing changed\n")
    session.record = CHANGED
    answer = json.loads(meshfleet("up", "--stack", "dev", "--json").stdout)
    assert answer.pop("seconds") >= 0
    assert answer == {"ok": True, "stack": "dev", "changes": {"delete": 1}}
    assert session.done[:4] == ["up", "initialise", "up {'refresh': False}", "released"]


def test_up_looks_at_the_world_first_when_it_is_asked_to(meshfleet: Command, session: MadeUp) -> None:
    assert meshfleet("up", "--stack", "dev", "--refresh").exit_code == 0
    assert "up {'refresh': True}" in session.done


def state_of(**clusters: str) -> dict[str, Any]:
    """What is recorded of these clusters, by their meshes."""
    described = [{"name": name, "mesh": mesh} for name, mesh in clusters.items()]
    stack = {"urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::s", "type": "pulumi:pulumi:Stack", "custom": False}
    return {
        "resources": [
            stack | {"outputs": {"fleet": {"clusters": described}}},
            *({"urn": f"urn:pulumi:dev::p::a:b:C::{name}/x", "type": "a:b:C", "custom": True} for name in clusters),
        ]
    }


def test_up_forgets_what_it_is_told_to_before_the_engine_runs_and_tells_how_much(
    meshfleet: Command, session: MadeUp
) -> None:
    session.state = state_of(north="mesh1", host="mesh1")
    result = meshfleet("up", "--stack", "dev", "--forget", "north", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["forgotten"] == {"north": 1}
    assert session.done == ["up", "rewrite", "initialise", "up {'refresh': False}", "released"]
    # It is not even named by a note any more.
    assert meshfleet("up", "--stack", "dev", "--forget", "north").exit_code == 2


@pytest.mark.parametrize("command", ["up", "preview"])
def test_what_cannot_be_changed_in_place_is_exit_2_and_one_line_for_each_fault(
    meshfleet: Command, session: MadeUp, command: str
) -> None:
    session.state = state_of(host="other", west="other", east="mesh1")
    result = meshfleet(command, "--stack", "dev")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        "clusters.host.mesh",
        "clusters.west.mesh",
    ]
    faults = json.loads(meshfleet(command, "--stack", "dev", "--json").stdout)["faults"]
    assert [fault["path"] for fault in faults] == ["clusters.host.mesh", "clusters.west.mesh"]
    assert {*session.done} == {command}


def test_only_one_stack_at_a_time_can_forget(meshfleet: Command) -> None:
    result = meshfleet("destroy", "--all", "--yes", "--forget", "west")
    assert result.exit_code == 2
    assert "--forget names clusters of one --stack" in " ".join(result.stderr.split())


def test_preview_is_exit_1_only_when_no_change_was_expected(meshfleet: Command, session: MadeUp) -> None:
    assert meshfleet("preview", "--stack", "dev", "--expect-no-changes").exit_code == 0
    session.record = CHANGED
    result = meshfleet("preview", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "remote-secrets" in result.stderr
    result = meshfleet("preview", "--stack", "dev", "--expect-no-changes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["changes"] == ["west: remote-secrets delete"]


def test_stages_are_told_in_order_with_the_changes_of_each(meshfleet: Command, session: MadeUp) -> None:
    session.record = CHANGED
    session.way = tuple(Stage(name, session.topology) for name in ("both trusted", "the new one signs"))
    answer = json.loads(meshfleet("up", "--stack", "dev", "--json").stdout)
    assert [(stage["name"], stage["changes"]) for stage in answer["stages"]] == [
        ("both trusted", {"delete": 1}),
        ("the new one signs", {"delete": 1}),
    ]
    assert answer["changes"] == {"delete": 2}
    assert [text for text in session.done if text.startswith("stage")] == [
        "stage 1 of 2: both trusted",
        "stage 2 of 2: the new one signs",
    ]


def test_preview_names_the_stages_and_shows_the_changes_of_the_first(meshfleet: Command, session: MadeUp) -> None:
    session.way = tuple(Stage(name, session.topology) for name in ("both trusted", "the new one signs"))
    result = meshfleet("preview", "--stack", "dev")
    assert "stage 1 of 2: both trusted\nstage 2 of 2: the new one signs\n" in result.stderr
    result = meshfleet("preview", "--stack", "dev", "--json", "--expect-no-changes")
    # The first stage may change nothing, as one that an interrupted run has brought about.
    assert result.exit_code == 1
    assert json.loads(result.stdout)["stages"] == ["both trusted", "the new one signs"]


def test_drift_is_exit_3_and_the_list(meshfleet: Command, session: MadeUp) -> None:
    result = meshfleet("drift", "--stack", "dev", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"ok": True, "stack": "dev", "drift": []})
    session.record, session.unread = CHANGED, ["west: 3 resources cannot be read: refused"]
    result = meshfleet("drift", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "remote-secrets" in result.stderr
    assert "west: 3 resources cannot be read: refused" in result.stderr
    assert "meshfleet up --refresh --stack dev makes it so again" in result.stderr
    result = meshfleet("drift", "--stack", "dev", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "ok": False,
        "stack": "dev",
        "drift": ["west: remote-secrets delete", "west: 3 resources cannot be read: refused"],
    }


def test_status_is_a_table_for_people_and_the_whole_as_json(meshfleet: Command, session: MadeUp) -> None:
    result = meshfleet("status", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    for text in (
        "west",
        "remote of west",
        "198.18.0.1:15443",
        "multi-primary, several networks",
        "2028-11-22",
        "both roots trusted (second and first), second signs",
        "root first cdcdcdcdcdcdcdcd… until 2027-11-23 root",
        "root second abababababababab… until 2036-11-23, signs",
        "workload cart.shop.svc.cluster.local: v1 in west, east; v2 in west workload web.shop.svc.cluster.local: v1 in",
    ):
        assert text in " ".join(result.stderr.split())
    assert json.loads(meshfleet("status", "--stack", "dev", "--json").stdout) == STATUS


@pytest.mark.parametrize(
    ("oks", "code"), [((True, True), 0), ((True, False), 1), ((), 1)], ids=["all hold", "one fails", "none ran"]
)
def test_verify_is_exit_0_only_when_all_hold_and_one_ran(
    oks: tuple[bool, ...],
    code: int,
    meshfleet: Command,
    session: MadeUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = tuple(Answer(f"check-{number}", "west", ok, "seen", 0.5) for number, ok in enumerate(oks))
    monkeypatch.setattr(verification, "read_fleet", lambda status, tools, home: None)
    monkeypatch.setattr(verification, "run", lambda view, on_answer, bound: Report(answers))
    result = meshfleet("verify", "--stack", "dev", "--json")
    assert result.exit_code == code
    answer = json.loads(result.stdout)
    assert answer["ok"] is (code == 0)
    assert [set(check) for check in answer["checks"]] == [{"name", "cluster", "ok", "detail", "seconds"}] * len(oks)
    result = meshfleet("verify", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (code, "")
    assert f"{sum(oks)} of {len(oks)} checks hold" in result.stderr


def test_verify_lists_what_was_not_run_once_for_each_reason(
    meshfleet: Command, session: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_run = tuple(NotRun(name, cluster, "no root") for name in ("reach", "wire") for cluster in ("east", "west"))
    report = Report((Answer("trust", "west", True, "x", 0.1),), not_run)
    monkeypatch.setattr(verification, "read_fleet", lambda status, tools, home: None)
    monkeypatch.setattr(verification, "run", lambda view, on_answer, bound: report)
    answer = json.loads(meshfleet("verify", "--stack", "dev", "--json").stdout)
    assert answer["ok"] is True
    assert answer["notRun"][0] == {"name": "reach", "cluster": "east", "reason": "no root"}
    assert len(answer["notRun"]) == 4
    assert "not run: reach, wire of east, west: no root" in meshfleet("verify", "--stack", "dev").stderr


def test_graph_marks_what_the_last_verification_found(
    meshfleet: Command, session: MadeUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verification, "read_fleet", lambda status, tools, home: None)
    failing = Report((Answer("trust", "west", False, "x", 0.1), Answer("webhook", "west", True, "x", 0.1)))
    monkeypatch.setattr(verification, "run", lambda view, on_answer, bound: failing)
    meshfleet("verify", "--stack", "dev")
    kept = json.loads((session.checkout.fleet("dev") / "verification.json").read_text(encoding="utf-8"))
    assert kept == {"west": False}


# What a session makes of what the engine reports.


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
        "what was done is kept; mend the cause and run meshfleet up --stack examples/two-meshes again"
    )


def test_an_up_also_tells_which_clusters_were_left_without_their_control_plane(
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


def test_what_follows_from_a_dead_cluster_is_drift_of_it_and_told_in_one_line(checkout: Checkout, stacks: Path) -> None:
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
def test_what_cannot_be_read_without_a_change_that_tells_why_is_a_failure(
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
    exports: dict[str, Any] = {
        "fleet": {"stack": "dev", "clusters": [{"name": "west"}, {"name": "east"}]},
        "kubeconfigs": {"west": "the kubeconfig"},
    }
    engine: Any = Outputs(exports, read_stack_file(stacks, "dev"))
    status = fleet_status.fleet_status(checkout, engine)
    path = checkout.kubeconfig("dev", "west")
    assert [cluster["kubeconfig"] for cluster in status["clusters"]] == [str(path), None]
    assert path.read_text(encoding="utf-8") == "the kubeconfig"
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in (path.parent, checkout.home))
    assert "the kubeconfig" not in json.dumps(status)
    # Once the cluster is not there any more its kubeconfig is not either.
    del exports["fleet"]["clusters"][0]
    fleet_status.fleet_status(checkout, engine)
    assert not path.exists()


@pytest.mark.parametrize("exports", [None, {}, {"fleet": None}])
def test_the_status_of_a_stack_that_is_not_up_is_what_to_do(
    exports: dict[str, Any] | None, checkout: Checkout, stacks: Path
) -> None:
    engine: Any = Outputs(exports, read_stack_file(stacks, "dev"))
    with pytest.raises(EngineError, match="the stack dev is not up; run meshfleet up --stack dev"):
        fleet_status.fleet_status(checkout, engine)
