"""What commands that look at a fleet say and how they exit, whatever they found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshfleet import verification
from meshfleet.verification import CheckResult, Report
from meshfleet.verification.check import Check
from meshfleet.verification.result import NotRun
from tests.automation.made_up_session import CHANGED, STATUS, MadeUp
from tests.automation.stack_files import Command

pytestmark = pytest.mark.proof("the command's answers, exit codes and JSON", step=0)


def test_drift_is_exit_3_and_the_list(meshfleet: Command, session: MadeUp) -> None:
    result = meshfleet("drift", "--stack", "dev", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"ok": True, "stack": "dev", "drift": []})
    session.record, session.unread = CHANGED, ["west: 3 resources cannot be read: refused"]
    result = meshfleet("drift", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "remote-secrets" in result.stderr
    assert "west: 3 resources cannot be read: refused" in result.stderr
    # A refresh would ask what does not respond, and fail.
    assert "meshfleet up --stack dev starts stopped processes\n" in result.stderr
    result = meshfleet("drift", "--stack", "dev", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "ok": False,
        "stack": "dev",
        "drift": ["west: remote-secrets delete", "west: 3 resources cannot be read: refused"],
        "next": [
            "meshfleet up --stack dev starts stopped processes",
            "meshfleet drift --stack dev then shows the remaining differences",
        ],
    }
    session.unread = []
    assert (
        "meshfleet up --refresh --stack dev restores what the stack declares"
        in meshfleet("drift", "--stack", "dev").stderr
    )


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
    answers = tuple(CheckResult(f"check-{number}", "west", ok, "seen", 0.5) for number, ok in enumerate(oks))
    monkeypatch.setattr(verification, "read_fleet", lambda *_: None)
    monkeypatch.setattr(verification, "run", lambda view, checks, on_result, timeout: Report(answers))
    result = meshfleet("verify", "--stack", "dev", "--json")
    assert result.exit_code == code
    answer = json.loads(result.stdout)
    assert answer["ok"] is (code == 0)
    assert [set(check) for check in answer["checks"]] == [{"name", "cluster", "ok", "detail", "seconds"}] * len(oks)
    result = meshfleet("verify", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (code, "")
    assert f"{sum(oks)} of {len(oks)} checks passed" in result.stderr


def test_verify_lists_what_was_not_run_once_for_each_reason(
    meshfleet: Command, session: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_run = tuple(NotRun(name, cluster, "no root") for name in ("reach", "wire") for cluster in ("east", "west"))
    report = Report((CheckResult("trust", "west", True, "x", 0.1),), not_run)
    monkeypatch.setattr(verification, "read_fleet", lambda *_: None)
    monkeypatch.setattr(verification, "run", lambda view, checks, on_result, timeout: report)
    answer = json.loads(meshfleet("verify", "--stack", "dev", "--json").stdout)
    assert answer["ok"] is True
    assert answer["notRun"][0] == {"name": "reach", "cluster": "east", "reason": "no root"}
    assert len(answer["notRun"]) == 4
    assert "not run: reach, wire of east, west: no root" in meshfleet("verify", "--stack", "dev").stderr


def test_graph_marks_what_the_last_verification_found(
    meshfleet: Command, session: MadeUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verification, "read_fleet", lambda *_: None)
    failing = Report((CheckResult("trust", "west", False, "x", 0.1), CheckResult("webhook", "west", True, "x", 0.1)))
    monkeypatch.setattr(verification, "run", lambda view, checks, on_result, timeout: failing)
    meshfleet("verify", "--stack", "dev")
    kept = json.loads((session.checkout.fleet("dev") / "verification.json").read_text(encoding="utf-8"))
    assert kept == {"version": 1, "verdicts": {"west": False}}


def test_verify_with_check_runs_only_that_check(
    meshfleet: Command, session: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: object, checks: Sequence[Check], **__: object) -> Report:
        return Report(tuple(CheckResult(one.name, "west", True, "x", 0.1) for one in checks))

    monkeypatch.setattr(verification, "read_fleet", lambda *_: None)
    monkeypatch.setattr(verification, "run", run)
    answer = json.loads(meshfleet("verify", "--stack", "dev", "--json", "--check", "trust").stdout)
    assert [one["name"] for one in answer["checks"]] == ["trust"]
    assert not (session.checkout.fleet("dev") / "verification.json").exists()
    result = meshfleet("verify", "--stack", "dev", "--check", "trusts")
    assert result.exit_code != 0
    assert "there is no check trusts; the checks are cluster-identity" in " ".join(result.stderr.split())
