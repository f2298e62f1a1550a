"""One stage after another, each only once the fleet itself says that it is at the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshfleet import verification
from meshfleet.automation.engine.environment import Environment
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.automation.staged_up import CONFIRMATION_SECONDS, run_stages
from meshfleet.automation.state.deployment import deployed_in
from meshfleet.errors import EngineError, VerificationError
from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.stages import Stage
from meshfleet.topology import Fleet, load
from meshfleet.verification import CheckResult, Report
from tests.automation.stack_files import GOOD

pytestmark = pytest.mark.proof("up walks a change in stages and waits between them", step=0)

TARGET = load("good", GOOD)
WAY = (
    Stage("both trusted", TARGET.model_copy(update={"name": "one"})),
    Stage("the new one signs", TARGET.model_copy(update={"name": "two"}), ("trust",)),
    Stage("the old one is dropped", TARGET, ("trust", "proxies-take-roots")),
)


@dataclass
class MadeUp:
    """A session that does nothing and notes what it is asked to do."""

    done: list[str] = field(default_factory=list)
    name = "good"
    environment = Environment(None, {}, Path("/nowhere"), "")  # type: ignore[arg-type]

    def notify(self, text: str) -> None:
        self.done.append(f"printed: {text}")

    def bring_up(self, title: str, *, stage: Fleet | None, refresh: bool) -> Record:
        self.done.append(f"{title} with {stage.name if stage else 'the stack file'}{', refreshed' if refresh else ''}")
        return Record(changes=[Change(Place("west", "trust", "cacerts"), "update")])

    def status(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = MadeUp()

    def run(view: Any, checks: Any, timeout: float) -> Report:
        assert timeout == CONFIRMATION_SECONDS
        made.done.append(f"checked: {', '.join(check.name for check in checks)}")
        return Report((CheckResult("trust", "west", True, "seen", 0.1),))

    monkeypatch.setattr(verification, "read_fleet", lambda status, tools: None)
    monkeypatch.setattr(verification, "run", run)
    return made


def test_a_change_without_stages_is_one_run_of_the_stack_file(session: Any) -> None:
    (reached,) = run_stages(session, (Stage("", TARGET),), refresh=True)
    assert session.done == ["up good with the stack file, refreshed"]
    assert [str(change) for change in reached.record.changes] == ["west: cacerts update"]


def test_each_stage_waits_for_its_preconditions(session: Any) -> None:
    reached = run_stages(session, WAY, refresh=True)
    assert session.done == [
        "printed: stage 1 of 3: both trusted",
        "up good, stage 1 of 3: both trusted with one, refreshed",
        "printed: stage 2 of 3: the new one signs",
        "checked: trust",
        "printed: every cluster has completed the stage: both trusted",
        "up good, stage 2 of 3: the new one signs with two",
        "printed: stage 3 of 3: the old one is dropped",
        "checked: trust, proxies-take-roots",
        "printed: every cluster has completed the stage: the new one signs",
        "up good, stage 3 of 3: the old one is dropped with good",
    ]
    assert [one.as_json()["name"] for one in reached] == [stage.name for stage in WAY]
    assert reached[0].as_json()["changes"] == {"update": 1}


def test_an_incomplete_stage_stops_the_rollout_with_the_reason(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = (
        CheckResult("trust", "west", True, "as in mesh mesh1", 0.1),
        CheckResult("trust", "east", False, "workloads of east have root abc", 180.0),
    )
    monkeypatch.setattr(verification, "run", lambda view, checks, timeout: Report(answers))
    with pytest.raises(EngineError) as caught:
        run_stages(session, WAY, refresh=False)
    assert str(caught.value).splitlines() == [
        "some clusters did not complete the stage both trusted within 180 s:",
        "  east: trust: workloads of east have root abc",
        "the next stage, the new one signs, would interrupt traffic before that; fix the cause and run meshfleet up "
        "--stack good again, which resumes with this stage",
    ]
    assert not [text for text in session.done if text.startswith("up good, stage 2")]


def test_an_unknown_check_is_reported_by_name(session: Any) -> None:
    with pytest.raises(VerificationError, match="there is no check trusts; the checks are cluster-"):
        run_stages(session, (WAY[0], Stage("next", TARGET, ("trusts",))), refresh=False)


# What the state says.

STACK = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::meshfleet::pulumi:pulumi:Stack::meshfleet-dev"}


def mesh_of(name: str, **inputs: Any) -> dict[str, Any]:
    component = "meshfleet:components:MeshTrust"
    urn = f"urn:pulumi:dev::meshfleet::meshfleet:components:Fleet${component}::mesh {name}"
    return {"type": component, "urn": urn, "inputs": inputs}


def exported(*meshes: dict[str, Any]) -> dict[str, Any]:
    return STACK | {"outputs": {"fleet": {"stack": "dev", "meshes": list(meshes)}}}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resources": list(resources)}


def reached(mesh: str, *roots: str, signing: str) -> dict[str, Any]:
    return {"name": mesh, "roots": [{"name": root, "fingerprint": "ab"} for root in roots], "signing": signing}


def test_nothing_is_deployed_where_there_is_no_state_or_only_that_of_a_stack() -> None:
    assert (
        deployed_in({})
        == deployed_in(state())
        == deployed_in(state(STACK))
        == deployed_in(state(exported()))
        == Deployed()
    )


def test_a_mesh_is_where_its_exports_say_and_was_on_the_way_to_what_its_component_says() -> None:
    known = state(
        exported(reached("a", "first", "second", signing="first"), reached("b", "x", signing="x")),
        mesh_of("a", bundle=["second", "first"]),
        mesh_of("b", bundle=["x"]),
    )
    assert deployed_in(known) == Deployed(
        {
            "a": DeployedTrust(reached=("first", "second"), begun=("second", "first")),
            "b": DeployedTrust(("x",), ("x",)),
        }
    )


def test_a_first_run_that_was_interrupted_has_only_begun() -> None:
    assert deployed_in(state(STACK, mesh_of("a", bundle=["x"]))) == Deployed({"a": DeployedTrust(("x",), ("x",))})


def test_a_mesh_from_before_roots_had_names_has_the_first() -> None:
    old = {"name": "a", "rootFingerprint": "ab"}
    assert deployed_in(state(exported(old), mesh_of("a"))) == Deployed({"a": DeployedTrust(("first",), ("first",))})
    assert deployed_in(state(exported(old), mesh_of("a", bundle=["first", "b"]))) == Deployed(
        {"a": DeployedTrust(("first",), ("first", "b"))}
    )


def test_a_mesh_that_is_gone_is_not_deployed_whatever_was_exported() -> None:
    assert deployed_in(state(exported(reached("a", "x", signing="x")))) == Deployed()
