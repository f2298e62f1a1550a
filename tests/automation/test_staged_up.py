"""One stage after another, each only once the fleet itself says that it is at the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet import verification
from meshfleet.automation import propagation_waves
from meshfleet.automation.engine.environment import Environment
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.automation.staged_up import CONFIRMATION_SECONDS, run_stages
from meshfleet.automation.state.deployment import deployed_in
from meshfleet.automation.state.recorded_propagations import RecordedObject
from meshfleet.errors import EngineError, VerificationError
from meshfleet.federation.health import Health, Word
from meshfleet.federation.propagated import propagations
from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.manifests.propagated_mark import Mark, mark_of
from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.stages import Stage
from meshfleet.topology import Fleet, load
from meshfleet.verification import CheckResult, Report
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.wave_record import WaveUnderWay, read_waves
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
    overridden = False
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


# Waves of propagated objects.

CONFIG = GOOD | {
    "propagations": {
        "web": {
            "resources": [
                {
                    "object": {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": {"name": "web", "namespace": "default"},
                    }
                }
            ],
            "rollout": {"waves": [{"clusters": 1}], "health": {"withinSeconds": 1}},
        }
    }
}
WAVED = load("good", CONFIG)
FIRST, SECOND = tuple(WAVED.clusters)[:2]
WAVES = (
    Stage("wave 1", WAVED, held=(f"**::{SECOND}/web",), awaited={"web": (FIRST,)}),
    Stage("wave 2", WAVED, awaited={"web": (SECOND,)}),
)


DOCUMENT = "propagation-web-configmap-default-web"


def rolling_back() -> Fleet:
    """The same fleet, whose waves are rolled back."""
    web = CONFIG["propagations"]["web"]
    return load(
        "good", CONFIG | {"propagations": {"web": web | {"rollout": web["rollout"] | {"rollbackOnFailure": True}}}}
    )


def up_to_date() -> dict[str, dict[str, RecordedObject]]:
    """What a state has of the fleet as it is declared."""
    return {
        cluster: {name: RecordedObject(mark, body) for name, body in each.items() if (mark := mark_of(body))}
        for cluster in WAVED.clusters
        if (each := propagated_documents(WAVED, cluster))
    }


def deployed(*clusters: str, content: Callable[[str], str] = lambda cluster: "old") -> dict[str, Any]:
    """A state with the object of these clusters."""
    kind = "kubernetes:core/v1:ConfigMap"
    return state(
        *(
            {
                "type": kind,
                "urn": f"urn:pulumi:good::meshfleet::{kind}::{cluster}/{DOCUMENT}",
                "inputs": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": "web",
                        "namespace": "default",
                        "annotations": Mark("good", "web", content(cluster)).annotation(),
                    },
                },
            }
            for cluster in clusters
        )
    )


class Engine:
    """An engine with a state."""

    def __init__(self, deployment: dict[str, Any]) -> None:
        self._deployment = deployment

    def recorded(self) -> dict[str, Any]:
        return self._deployment


class Waving(MadeUp):
    """A session that notes what is held too, and what clusters get back."""

    topology = WAVED
    failing: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.checkout = SimpleNamespace(workspace=lambda stack: Workspace(stack, folder))
        self.file = SimpleNamespace(stack="good")
        self.engine = Engine(deployed(*WAVED.clusters))

    def bring_up(
        self, title: str, *, stage: Fleet | None, refresh: bool, exclude: tuple[str, ...] | list[str] = ()
    ) -> Record:
        self.done.append(f"held: {', '.join(exclude) or 'nothing'}")
        if stage and stage.restored:
            self.done.append(f"restored: {stage.restored}")
        if any(word in title for word in self.failing):
            raise EngineError("it fails")
        return Record()


def answering(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: Word) -> Any:
    """A session whose clusters answer with these words, one after another; the last one goes on."""
    left = list(words)

    def ask(fleet: Fleet, view: Any, clusters: list[str], seconds: float) -> Any:
        word = left.pop(0) if len(left) > 1 else left[0]
        (one,) = propagations(fleet).objects
        return {cluster: {one.key: Health(word, "so it is")} for cluster in clusters}

    monkeypatch.setattr(propagation_waves, "ask", ask)
    monkeypatch.setattr(propagation_waves, "_EVERY", 0.01)
    monkeypatch.setattr(verification, "read_fleet", lambda status, tools: None)
    return Waving(folder)


def test_each_wave_waits_until_it_is_healthy_and_what_is_of_later_ones_is_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = answering(monkeypatch, tmp_path, Word.PENDING, Word.PARTIAL, Word.READY)
    assert len(run_stages(session, WAVES, refresh=False)) == 2
    assert [line for line in session.done if "stage" not in line] == [
        f"held: **::{SECOND}/web",
        "printed: wave 1: healthy",
        "held: nothing",
        "printed: wave 2: healthy",
    ]


@pytest.mark.parametrize(
    ("word", "what"), [(Word.UNKNOWN, "is not healthy within 1 s"), (Word.FAILED, "has failed")], ids=str
)
def test_a_wave_that_is_not_healthy_stops_the_walk_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: Word, what: str
) -> None:
    session = answering(monkeypatch, tmp_path, word)
    with pytest.raises(EngineError) as caught:
        run_stages(session, WAVES, refresh=False)
    assert str(caught.value).splitlines() == [
        f"wave 1 {what}:",
        f"  {FIRST}: ConfigMap web in the namespace default: {word}: so it is",
        "the clusters of later waves keep what they have; correct the stack file, or what the objects need, and run "
        "meshfleet up --stack good again, which goes on from here",
    ]
    assert [line for line in session.done if line.startswith("held")] == [f"held: **::{SECOND}/web"]


def test_with_abort_on_failed_a_wave_that_is_late_does_not_stop_the_walk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = answering(monkeypatch, tmp_path, Word.ACCEPTED)
    web = CONFIG["propagations"]["web"]
    session.topology = load(
        "good", CONFIG | {"propagations": {"web": web | {"rollout": web["rollout"] | {"abortOn": "Failed"}}}}
    )
    assert len(run_stages(session, WAVES[:1], refresh=False)) == 1
    assert any("not healthy within 1 s, and goes on" in line for line in session.done)


def test_a_rollout_that_pauses_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = answering(monkeypatch, tmp_path, Word.READY)
    (only,) = run_stages(session, (replace(WAVES[0], pauses=("web",)), WAVES[1]), refresh=False)
    assert only.stage.pauses == ("web",)
    assert session.done[-1] == "printed: web: the rollout pauses here; run meshfleet up --stack good to go on"


def test_where_stages_of_the_mesh_come_before_all_that_moves_is_held_in_them() -> None:
    there = deployed(*WAVED.clusters)
    before, first, second = propagation_waves.with_waves((Stage("both trusted", WAVED),), there, WAVED)
    patterns = [f"**::{cluster}/{DOCUMENT}" for cluster in WAVED.clusters]
    assert list(before.held) == patterns
    assert [list(one.held) for one in (first, second)] == [patterns[1:], []]
    assert propagation_waves.with_waves((Stage("", WAVED),), {}, WAVED) == (Stage("", WAVED),)


def test_a_wave_that_has_moved_and_was_not_found_healthy_is_waited_for_again() -> None:
    waves = {"web": WaveUnderWay((SECOND,)), "gone": WaveUnderWay((SECOND,))}
    there = {name: {document: one.mark for document, one in each.items()} for name, each in up_to_date().items()}
    assert there.keys() == set(WAVED.clusters)
    recorded = deployed(*WAVED.clusters, content=lambda cluster: there[cluster][DOCUMENT].content)
    (only,) = propagation_waves.with_waves((Stage("", WAVED),), recorded, WAVED, waves)
    assert (only.name, only.awaited, only.moves, only.held) == ("last wave of web", {"web": (SECOND,)}, {}, ())
    first, *_ = propagation_waves.with_waves((Stage("", WAVED),), deployed(*WAVED.clusters), WAVED, waves)
    assert first.moves == {"web": (FIRST,)}


def test_what_a_wave_has_brought_is_rolled_back_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = answering(monkeypatch, tmp_path, Word.FAILED)
    session.topology = rolling_back()
    moving = replace(WAVES[0], fleet=session.topology, moves=WAVES[0].awaited)
    back = {"web": {FIRST: {DOCUMENT: deployed(FIRST)["resources"][0]["inputs"]}}}
    with pytest.raises(EngineError) as caught:
        run_stages(session, (moving, WAVES[1]), refresh=False)
    assert str(caught.value).splitlines()[-1] == (
        f"the wave was rolled back: web ({FIRST}) has what it had before it; the next meshfleet up takes it again"
    )
    held = f"held: **::{SECOND}/web"
    assert [line for line in session.done if line.startswith(("held", "restored"))] == [held, held, f"restored: {back}"]
    assert read_waves(Workspace("good", tmp_path)) == {}


def test_a_rollback_that_fails_and_a_kill_lead_to_what_was_there_before_the_wave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = answering(monkeypatch, tmp_path, Word.FAILED)
    session.topology, session.failing = rolling_back(), ("rollback",)
    moving = replace(WAVES[0], fleet=session.topology, moves=WAVES[0].awaited)
    with pytest.raises(EngineError, match="did not complete either; the next meshfleet up takes the wave again"):
        run_stages(session, (moving,), refresh=False)
    kept = read_waves(Workspace("good", tmp_path))
    assert kept["web"].before == {FIRST: {DOCUMENT: deployed(FIRST)["resources"][0]["inputs"]}}
    # The next run finds the half of it in the state, and goes back all the same.
    session.engine = Engine(deployed(*WAVED.clusters, content=lambda cluster: "half"))
    session.failing = ("stage 1",)
    with pytest.raises(EngineError, match="the wave was rolled back"):
        run_stages(session, (moving,), refresh=False)
    assert session.done[-1] == f"restored: { {'web': kept['web'].before} }"


def test_a_secret_is_not_kept_for_a_rollback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = answering(monkeypatch, tmp_path, Word.READY)
    session.topology = rolling_back()
    moving = replace(WAVES[0], fleet=session.topology, moves=WAVES[0].awaited)
    secret = deployed(FIRST)
    secret["resources"][0]["inputs"]["data"] = {"4dabf18193072939515e22adb298388d": "1b", "ciphertext": "v1:xyz"}
    session.engine = Engine(secret)
    with pytest.raises(EngineError, match=r"holds a secret, which is not kept .*rollbackOnFailure out"):
        run_stages(session, (moving,), refresh=False)
    assert not (tmp_path / "fleets").exists()


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
