"""`up` leaves alone what is refused, completes all else, and records what it takes over before the engine runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from meshfleet.automation import objects_in_place, taking_over
from meshfleet.automation.federation_status import judged
from meshfleet.automation.objects_in_place import Answer, InPlace, unserved, with_foreign_managers
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.automation.taking_over import around_what_is_there, what_is_there
from meshfleet.errors import EngineError
from meshfleet.federation.health import Word
from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.manifests.propagated_mark import Mark
from meshfleet.rollout.stages import Stage
from meshfleet.topology import Fleet, load
from tests.federation.test_propagation_faults import config_map, configuration, namespace, of

pytestmark = pytest.mark.proof("an object that is there already is refused, or taken over on request", step=0)

FLEET = load("dev", configuration({"own": of(namespace("stage"), config_map(namespace="stage"), config_map("rest"))}))
STAGE, WEB, REST = propagated_documents(FLEET, "west")
GROUND = [
    {"urn": "urn:f", "type": "meshfleet:components:Fleet"},
    *(
        resource
        for cluster in ("west", "east")
        for resource in (
            {"urn": f"urn:s::p::pk::{cluster}/kubernetes", "type": "pulumi:providers:kubernetes", "id": "1"},
            {"urn": f"urn:s::p::c::{cluster}", "type": "meshfleet:components:Propagations"},
        )
    ),
]


def seen(document: str, refusal: str = "") -> InPlace:
    body = propagated_documents(FLEET, "west")[document]
    if refusal:
        return InPlace(document, body, refusal)
    return InPlace(document, body, "", False, body, body["metadata"], body)


@dataclass
class Engine:
    """An engine whose state is changed by what it is told, and that notes what it leaves out."""

    deployment: dict[str, Any]
    runs: list[list[str]] = field(default_factory=list)

    def recorded(self) -> dict[str, Any]:
        return self.deployment

    def rewrite(self, change: Any) -> None:
        self.deployment = change(self.deployment)

    def run(self, excluded: list[str], *, again: bool) -> Record:
        assert again is bool(self.runs)
        self.runs.append(excluded)
        self.deployment = {"resources": [*GROUND, *self.deployment.get("resources", [])[len(GROUND) :]]}
        return Record(changes=[Change(Place("west", "workloads", str(len(self.runs))), "create")])


@dataclass
class Session:
    engine: Engine
    name = "dev"
    topology: Fleet = FLEET
    said: list[str] = field(default_factory=list)

    def notify(self, text: str) -> None:
        self.said.append(text)


def session(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Answer], known: bool = True) -> Any:
    """A session whose clusters answer this, one question after the other; others have nothing."""
    left = list(answers)

    def ask(_: Any, fleet: Fleet, new: Any) -> dict[str, Answer]:
        answer = left.pop(0)
        return {cluster: answer.get(cluster, Answer()) for cluster in new}

    monkeypatch.setattr(taking_over, "ask", ask)
    monkeypatch.setattr(taking_over, "leave_other_fields", lambda session, taken: None)
    monkeypatch.setattr(taking_over, "unserved_objects", lambda session, fleet, later: {})
    return Session(Engine({"resources": list(GROUND)} if known else {}))


def up(session: Any, *left: str) -> Record:
    return around_what_is_there(session, "up dev", FLEET, left, session.engine.run)


def test_what_is_refused_is_left_out_with_what_needs_it_and_all_else_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"west": Answer((seen(STAGE, "it is there"),))})
    with pytest.raises(EngineError) as caught:
        up(made)
    assert str(caught.value).splitlines() == [
        "up dev did not complete:",
        "  west: it is there",
        "  west: 2 objects that need what is named above are not created there either",
        "all else is done; then run meshfleet up --stack dev again",
    ]
    assert made.engine.runs == [[f"**::west/{name}" for name in sorted((STAGE, WEB, REST))]]


def test_an_engine_that_fails_says_what_was_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"west": Answer((seen(REST, "it is there"),))})

    def run(excluded: list[str], *, again: bool) -> Record:
        raise EngineError("east fails")

    with pytest.raises(EngineError, match=r"(?s)^east fails\n  west: it is there$"):
        around_what_is_there(made, "up dev", FLEET, (), run)


def test_what_is_taken_over_is_recorded_before_the_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"west": Answer((seen(REST),))})
    assert len(up(made).changes) == 1
    assert made.engine.runs == [[]]
    assert made.said == ["west: takes over ConfigMap rest in the namespace shop, which is there already"]
    assert made.engine.deployment["resources"][-1]["urn"].endswith(f"::west/{REST}")


def test_where_the_state_has_no_place_for_it_yet_a_second_run_takes_it_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"west": Answer((seen(REST),))}
    made = session(monkeypatch, found, found, known=False)
    assert len(up(made).changes) == 2
    assert made.engine.runs == [[f"**::west/{REST}"], []]
    assert made.said == ["west: takes over ConfigMap rest in the namespace shop, which is there already"]


def test_a_cluster_of_this_machine_that_is_down_is_asked_once_it_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"west": Answer(silent=True)}, {"west": Answer((seen(REST, "it is there"),))})
    monkeypatch.setattr(taking_over, "identities_of", lambda deployment: {"west": "1"})
    with pytest.raises(EngineError, match="west: it is there"):
        up(made)
    first, second = made.engine.runs
    assert (len(first), second) == (3, [f"**::west/{REST}"])


def test_a_new_cluster_has_nothing_and_no_second_run(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = {name: Answer(silent=True) for name in FLEET.clusters}
    made = session(monkeypatch, silent, known=False)
    assert len(up(made).changes) == 1


def test_what_the_run_leaves_out_anyway_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch)
    left = [f"**::{cluster}/{name}" for cluster in FLEET.clusters for name in (STAGE, WEB, REST)]
    up(made, *left)
    assert made.engine.runs == [left]


def test_a_preview_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(monkeypatch, {"west": Answer((seen(REST), seen(WEB, "it is there")))})
    assert what_is_there(made, Stage("", FLEET)) == {
        "takenOver": ["west: ConfigMap rest in the namespace shop is there already and is taken over"],
        "refused": ["west: it is there"],
    }


class Served:
    """An API server that serves nothing; both its own door."""

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def kind(self, version: str, kind: str) -> None:
        return None


def test_a_kind_that_no_declaration_defines_is_asked_of_the_clusters_that_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidate = config_map(apiVersion="coordination.k8s.io/v1alpha1", kind="LeaseCandidate")
    certain = [
        config_map(),
        config_map(apiVersion="networking.istio.io/v1", kind="VirtualService"),
        config_map(apiVersion="networking.k8s.io/v1", kind="NetworkPolicy"),
    ]
    fleet = load("dev", configuration({"own": of(*certain, candidate)}))
    monkeypatch.setattr(objects_in_place, "_doors", lambda session, clusters: dict.fromkeys(clusters, Served()))
    made: Any = Session(Engine({}), fleet)
    (fault,) = unserved(made, {})
    assert fault.path == "propagations.own.resources[3].object.kind"
    assert fault.message.startswith("west, east do not serve LeaseCandidate of coordination.k8s.io/v1alpha1; propagate")
    # What is up in that version is not asked for again.
    mark = propagated_documents(fleet, "west")
    recorded = {
        "resources": [
            {"urn": f"urn:s::p::t::{cluster}/{name}", "type": "kubernetes:x", "inputs": body}
            for cluster in fleet.clusters
            for name, body in mark.items()
        ]
    }
    assert unserved(made, recorded) == []


def test_fields_that_kubectl_set_get_a_manager_that_no_plugin_takes_over() -> None:
    entries = [
        {"manager": "kubectl-create", "operation": "Update"},
        {"manager": "kubelet", "operation": "Update"},
        {"manager": "kubectl", "operation": "Update", "subresource": "status"},
    ]
    live: dict[str, Any] = {"metadata": {"name": "web", "managedFields": entries}}
    named = with_foreign_managers(live)
    assert named is not None
    managers = [one["manager"] for one in named["metadata"]["managedFields"]]
    assert managers == ["before-meshfleet-kubectl-create", "kubelet", "kubectl"]
    assert with_foreign_managers(named) is None
    assert live["metadata"]["managedFields"] is entries


@pytest.mark.parametrize(
    ("annotations", "whose"), [({}, "of no stack"), (Mark("prod", "web", "0").annotation(), "of the stack prod")]
)
def test_status_says_whose_the_object_is_that_is_there(annotations: dict[str, str], whose: str) -> None:
    declared = propagated_documents(FLEET, "west")[REST]
    there = {**declared, "metadata": {**declared["metadata"], "annotations": annotations}}
    found = judged(declared, there, runs_pods=True)
    assert (found.word, found.why.partition(";")[0]) == (Word.PENDING, f"what is there is {whose}")
