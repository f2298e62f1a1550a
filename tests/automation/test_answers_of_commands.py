"""What commands that change a fleet say and how they exit, whatever the engine did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshfleet.rollout.stages import Stage
from tests.automation.made_up_session import CHANGED, MadeUp
from tests.automation.stack_files import Command

pytestmark = pytest.mark.proof("the command's answers, exit codes and JSON", step=0)


def test_up_says_what_changed_and_how_long_it_took(meshfleet: Command, session: MadeUp) -> None:
    result = meshfleet("up", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("dev is up in ")
    assert result.stderr.endswith("no changes\n")
    session.record = CHANGED
    answer = json.loads(meshfleet("up", "--stack", "dev", "--json").stdout)
    assert answer.pop("seconds") >= 0
    assert answer == {"ok": True, "stack": "dev", "changes": {"delete": 1}}
    assert session.done[:4] == ["up", "initialise", "up {'refresh': False}", "released"]


def test_up_refreshes_first_with_the_flag(meshfleet: Command, session: MadeUp) -> None:
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


def test_up_forgets_what_the_flag_names_before_the_engine_runs_and_reports_how_much(
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
    assert "--forget and --all cannot be combined" in " ".join(result.stderr.split())


def test_preview_is_exit_1_only_when_no_change_was_expected(meshfleet: Command, session: MadeUp) -> None:
    assert meshfleet("preview", "--stack", "dev", "--expect-no-changes").exit_code == 0
    session.record = CHANGED
    result = meshfleet("preview", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "remote-secrets" in result.stderr
    result = meshfleet("preview", "--stack", "dev", "--expect-no-changes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["changes"] == ["west: remote-secrets delete"]


def test_stages_are_reported_in_order_with_the_changes_of_each(meshfleet: Command, session: MadeUp) -> None:
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
