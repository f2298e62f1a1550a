"""Many propagated objects are brought in a run of their own, and a killed one leaves what the next command finds."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.automation.many_objects import MANY, many_objects, together
from meshfleet.automation.pending_objects import pending_in
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.automation.session import Session
from meshfleet.automation.state.recorded_state import without_pending
from meshfleet.errors import EngineError
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.propagations import SECTION
from meshfleet.topology import Fleet, load
from tests.federation.test_propagation_faults import GOOD, config_map, namespace, of

pytestmark = pytest.mark.proof("many propagated objects are recorded at once, and none is lost", step=0)

CLUSTERS = ("west", "east")
HALF = MANY // len(CLUSTERS)


def fleet_of(*objects: dict[str, Any]) -> Fleet:
    return load("dev", copy.deepcopy(GOOD) | {"propagations": {"own": of(*objects)}})


def maps(count: int, value: str = "a") -> list[dict[str, Any]]:
    return [config_map(f"settings-{number}", data={"value": value}) for number in range(count)]


def state(fleet: Fleet | None = None) -> dict[str, Any]:
    """What the engine has recorded of a fleet: of each cluster its provider, its component and its objects."""
    resources: list[dict[str, Any]] = []
    for cluster in CLUSTERS:
        resources += [
            {"urn": f"urn:s::p::pk::{cluster}/kubernetes", "type": "pulumi:providers:kubernetes", "id": "1"},
            {"urn": f"urn:s::p::c::{cluster}", "type": "meshfleet:components:Propagations"},
        ]
        for one in documents(fleet, cluster) if fleet else ():
            kind = f"kubernetes:core/v1:{one.body['kind']}"
            resources.append({"urn": f"urn:s::p::c${kind}::{cluster}/{one.name}", "type": kind, "inputs": one.body})
    return {"resources": resources}


def documents(fleet: Fleet, cluster: str) -> Sequence[Any]:
    return SECTION.documents(fleet, cluster, Placeholders(fleet))


def patterns(fleet: Fleet) -> set[str]:
    return {f"**::{cluster}/{one.name}" for cluster in CLUSTERS for one in documents(fleet, cluster)}


@dataclass
class MadeUp:
    """An engine and the runs of it; each ends with the next of `ends`, or well."""

    deployment: dict[str, Any]
    ends: list[BaseException | None] = field(default_factory=list)
    runs: list[tuple[set[str], bool]] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    resumed: int = 0
    unreadable: str = ""

    def recorded(self) -> dict[str, Any]:
        return self.deployment

    def rewrite(self, change: Any) -> None:
        self.deployment = change(self.deployment)

    def forget_pending(self, keep: Any = ()) -> None:
        self.deployment = without_pending(self.deployment, keep)

    def resume(self) -> None:
        """As after a kill; what was created is imported first."""
        self.resumed += 1
        if self.unreadable:
            raise EngineError(self.unreadable)
        self.forget_pending()

    def run(self, left: Sequence[str], stepwise: bool) -> Record:
        self.runs.append((set(left), stepwise))
        self.begun.append(len(self.deployment.get("pending_operations") or []))
        if self.ends and (end := self.ends.pop(0)):
            raise end
        return Record(changes=[Change(Place("west", "workloads", str(len(self.runs))), "create")])


def bring(engine: MadeUp, fleet: Fleet, left: Sequence[str] = ()) -> Record:
    unsettled = SimpleNamespace(clusters=set())
    session = cast("Session", SimpleNamespace(engine=engine, unsettled=unsettled, resume=engine.resume))
    many = many_objects(fleet, engine.deployment, left)
    assert many
    return together(session, fleet, many, left, engine.run)


def test_a_few_objects_have_no_run_of_their_own_and_many_that_come_change_or_go_have_one() -> None:
    fleet = fleet_of(*maps(HALF))
    assert sum(map(len, many_objects(fleet, state(), ()).values())) == MANY
    assert many_objects(fleet_of(*maps(HALF - 1)), state(), ()) == {}
    assert many_objects(fleet, state(fleet), ()) == {}
    assert set(many_objects(fleet_of(*maps(HALF, "b")), state(fleet), ())) == set(CLUSTERS)
    assert set(many_objects(fleet_of(config_map("rest")), state(fleet), ())) == set(CLUSTERS)
    assert many_objects(fleet, state(), [sorted(patterns(fleet))[0]]) == {}


def test_everything_else_is_brought_first_and_the_objects_are_begun_before_they_are_brought() -> None:
    fleet = fleet_of(namespace("stage"), *maps(HALF))
    engine = MadeUp(state())
    record = bring(engine, fleet, ["**::west/left"])
    assert engine.runs == [({"**::west/left", *patterns(fleet)}, True), ({"**::west/left"}, False)]
    assert engine.begun == [0, MANY + len(CLUSTERS)]
    assert not engine.deployment.get("pending_operations")
    assert [change.place.what for change in record.changes] == ["1", "2"]


def test_what_is_recorded_is_not_begun_again() -> None:
    before = fleet_of(*maps(HALF))
    engine = MadeUp(state(before))
    bring(engine, fleet_of(*maps(HALF, "b"), config_map("more")))
    assert engine.begun == [0, len(CLUSTERS)]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit()])
def test_after_an_end_in_the_middle_the_state_names_every_object_that_may_be_there_and_no_data(
    end: BaseException,
) -> None:
    fleet = fleet_of(*maps(HALF, "confidential"))
    engine = MadeUp(state(), [None, end])
    with pytest.raises(type(end)):
        bring(engine, fleet)
    for cluster in CLUSTERS:
        begun = {str(one["urn"]).rpartition("/")[2] for one in pending_in(engine.deployment, cluster)}
        assert begun == {one.name for one in documents(fleet, cluster)}
    assert "confidential" not in json.dumps(engine.deployment)


def test_where_the_rest_fails_one_run_brings_what_can_be_brought_step_by_step() -> None:
    fleet = fleet_of(*maps(HALF))
    engine = MadeUp(state(), [EngineError("east fails"), EngineError("east fails again")])
    with pytest.raises(EngineError, match="again"):
        bring(engine, fleet)
    assert engine.runs == [(patterns(fleet), True), (set(), True)]
    assert engine.begun == [0, 0]


def test_a_run_that_fails_may_have_recorded_nothing_and_is_cleaned_up_after_as_a_killed_one() -> None:
    engine = MadeUp(state(), [None, EngineError("settings-1 fails")])
    with pytest.raises(EngineError, match="settings-1"):
        bring(engine, fleet_of(*maps(HALF)))
    assert engine.resumed == 1
    assert not engine.deployment.get("pending_operations")


def test_where_that_fails_too_both_are_told_and_the_objects_stay_begun() -> None:
    engine = MadeUp(state(), [None, EngineError("the engine was killed")], unreadable="the disk is full")
    with pytest.raises(EngineError, match=r"(?s)the engine was killed.*the disk is full"):
        bring(engine, fleet_of(*maps(HALF)))
    assert len(engine.deployment["pending_operations"]) == MANY


def test_karmada_brings_its_objects_itself() -> None:
    fleet = fleet_of(*maps(HALF))
    karmada = fleet.federation.model_copy(update={"engine": "karmada"})
    assert many_objects(fleet.model_copy(update={"federation": karmada}), state(), ()) == {}
