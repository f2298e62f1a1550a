"""`reconcile`: rounds and what they say, without an engine; and what others say of shares that are elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.automation import reconciliation
from meshfleet.automation.reconciliation import Reconciler, Round
from meshfleet.automation.session import Session
from meshfleet.cli.reconcile import watched
from meshfleet.errors import EngineError, LockedError
from meshfleet.federation.reachability import Reachability
from meshfleet.topology import read_stack_file
from meshfleet.workspace.failover_record import Kept, write_kept
from meshfleet.workspace.home import Workspace
from tests.automation.stack_files import Command, write_stack

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=0)

SINCE = "2028-11-22T04:51:12Z"
STACK = "failing"


@pytest.fixture
def failing(stacks: Path, home: Path) -> Workspace:
    """The example, whose frontend fails over and is taken from paris."""
    config = json.loads(json.dumps(read_stack_file(stacks, "examples/federation").config))
    # The tools render the sources of this one.
    del config["propagations"]["basket"]
    config["propagations"]["frontend"]["failover"] = {"after": "1m", "recover": "2m"}
    write_stack(stacks, STACK, config)
    workspace = Workspace(STACK, home)
    write_kept(workspace, Kept({"frontend": {"paris": SINCE}}))
    return workspace


def rounds(*outcomes: Round | BaseException) -> Callable[[Reconciler], Round]:
    """A reconciler whose rounds come out like this, the last of which interrupts."""
    left = list(outcomes)

    def one(self: Reconciler) -> Round:
        found = left.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    return one


def seen(*silent: str) -> dict[str, Reachability]:
    return {name: Reachability(name not in silent, 0, 0) for name in ("paris", "dublin")}


def test_placement_says_what_is_elsewhere_and_since_when(meshfleet: Command, failing: Workspace) -> None:
    found = json.loads(meshfleet("placement", "--stack", STACK, "--json").stdout)["objects"]
    (frontend,) = [one for one in found if one["name"] == "frontend" and one["kind"] == "Deployment"]
    assert frontend["clusters"] == {"dublin": {"replicas": 9}}
    assert frontend["leftOut"]["paris"] == f"its share is elsewhere, no response since {SINCE}"


def test_a_damaged_record_is_refused_before_anything_else(meshfleet: Command, failing: Workspace) -> None:
    (failing.directory / "failover.json").write_text("{")
    result = meshfleet("placement", "--stack", STACK)
    assert result.exit_code == 1
    assert "remove that file, after which `meshfleet up" in result.stderr


def test_a_round_is_told_with_what_moved_and_what_waits(meshfleet: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Round(seen("paris"), ["web: dublin gains Deployment web: 0 → 2 replicas"], ["web: waits"], 1.23)
    monkeypatch.setattr(Reconciler, "round", rounds(found, found))
    result = meshfleet("reconcile", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [*found.moved, *found.notes, "dev: no response of paris; 1 moves"]
    report = json.loads(meshfleet("reconcile", "--stack", "dev", "--json").stdout)
    assert (report["ok"], report["moved"], report["notes"]) == (True, found.moved, found.notes)
    assert report["clusters"]["paris"] == {"answers": False, "since": "1970-01-01T00:00:00Z"}


def test_options_that_say_nothing_are_refused(meshfleet: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciler, "round", rounds(Round(seen())))
    for interval in ("soon", "0s", "6m"):
        result = meshfleet("reconcile", "--stack", "dev", "--interval", interval)
        assert result.exit_code == 2
        assert "write it as 10s or 1m" in result.stderr


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_a_cluster_to_recover_that_is_unknown_is_refused_before_anything_moves(
    meshfleet: Command, failing: Workspace, watch: list[str]
) -> None:
    result = meshfleet("reconcile", "--stack", STACK, "--recover", "paris", "--recover", "rome", *watch)
    assert result.exit_code == 2
    assert "--recover: no cluster is named 'rome'; known are dublin, ohio, paris" in result.stderr


def test_watching_goes_on_after_a_failed_round_says_each_thing_once_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = LockedError("the stack dev is in use by meshfleet up (process 7); wait for it to end")
    outcomes = (Round(seen()), Round(seen()), busy, busy, Round(seen("paris")), KeyboardInterrupt())
    monkeypatch.setattr(Reconciler, "round", rounds(*outcomes))
    watched(Reconciler("dev", quiet=False), "dev", 0.001, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "dev: all clusters respond; nothing moved",
        f"error: {busy}; looking again in 0 s",
        "dev: no response of paris; nothing moved",
        "stopped watching dev",
    ]


def test_an_interrupt_within_a_move_and_a_first_round_that_fails_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    reconciler = Reconciler("dev", quiet=True, moving=True)
    monkeypatch.setattr(Reconciler, "round", rounds(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        watched(reconciler, "dev", 0.001, as_json=False)
    monkeypatch.setattr(Reconciler, "round", rounds(EngineError("the stack dev is not deployed")))
    with pytest.raises(EngineError):
        watched(reconciler, "dev", 0.001, as_json=False)


def test_a_look_moves_nothing_and_does_not_lock_the_stack(
    failing: Workspace, meshfleet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = ("paris", "dublin", "ohio")
    monkeypatch.setattr(Session, "status", lambda _: None)
    monkeypatch.setattr(reconciliation, "_access", lambda _: dict.fromkeys(clusters, ("", None)))
    monkeypatch.setattr(reconciliation, "answering", lambda names: {name: name != "paris" for name in names})
    monkeypatch.setattr(reconciliation, "read_evictions", lambda _: Kept({"frontend": {"paris": SINCE}}))
    report = json.loads(meshfleet("reconcile", "--stack", STACK, "--json").stdout)
    assert (report["ok"], report["moved"]) == (True, [])
    (note,) = report["notes"]
    assert note.startswith(
        f"frontend: its share of paris is elsewhere, no response since {SINCE}; it comes back after 120 s"
    )
    assert not (failing.directory / "command.lock").exists()
    assert report["clusters"]["paris"]["answers"] is False
