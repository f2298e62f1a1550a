"""Changes of several kinds, each with a planner of its own, become one way of a whole fleet."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.plan import RolloutPlan, Step
from meshfleet.rollout.root_rotation import PRECONDITIONS, rotate_roots, with_bundles
from meshfleet.rollout.stages import AS_DEPLOYED, Stage, stages
from meshfleet.topology import Fleet, load
from tests.topology.strategies import loaded_fleets
from tests.topology.wrong_stacks.wrong import GOOD

pytestmark = pytest.mark.proof("a change that must not be made at once is planned in stages", step=0)

ONE = Deployed({"mesh1": DeployedTrust(("first",), ("first",))})


def fleet_with(**trust: Any) -> Fleet:
    """The good fleet of the wrong ones, with this trust."""
    config = copy.deepcopy(GOOD)
    config["meshes"]["mesh1"]["trust"] = trust
    return load("dev", config)


def upgrade(deployed: Deployed, target: Fleet) -> RolloutPlan:
    """A planner as a later one may be: another revision is brought up before it is used."""

    def with_revision(revision: str) -> Any:
        return lambda fleet: fleet.model_copy(update={"istio": fleet.istio.model_copy(update={"revision": revision})})

    if target.istio.revision == "default":
        return RolloutPlan((), with_revision("default"))
    steps = (
        Step("the new revision beside the old one", with_revision("canary")),
        Step("the new one alone", with_revision(target.istio.revision), ("injection",)),
    )
    return RolloutPlan(steps, with_revision("default"))


def test_a_fleet_that_is_not_there_is_brought_up_at_once() -> None:
    target = fleet_with(roots=["a", "b"])
    assert stages(Deployed(), target) == (Stage("", target),)


def test_without_another_root_there_is_one_stage_and_it_is_the_target() -> None:
    target = fleet_with()
    assert stages(ONE, target) == (Stage("", target),)


def test_the_order_of_roots_in_the_file_does_not_matter() -> None:
    deployed = Deployed({"mesh1": DeployedTrust(("b", "a"), ("b", "a"))})
    for trust in ({"roots": ["a", "b"]}, {"roots": ["b", "a"], "signing": "b"}):
        assert [stage.name for stage in stages(deployed, fleet_with(**trust))] == [""]


def test_another_root_takes_three_stages_and_all_else_comes_with_the_first() -> None:
    target = fleet_with(roots=["second"], organization="Another")
    found = stages(ONE, target)
    assert [(stage.name, stage.preconditions) for stage in found] == [
        ("both roots trusted (first and second)", ()),
        ("the new root signs (second)", PRECONDITIONS),
        ("the old root is dropped (first)", PRECONDITIONS),
    ]
    assert [stage.fleet.meshes["mesh1"].trust.bundle for stage in found] == [
        ("first", "second"),
        ("second", "first"),
        ("second",),
    ]
    assert {stage.fleet.meshes["mesh1"].trust.organization for stage in found} == {"Another"}
    assert found[-1].fleet == target


def test_before_a_stage_that_needs_something_what_is_deployed_is_brought_up_again() -> None:
    deployed = Deployed({"mesh1": DeployedTrust(("b", "a"), ("b", "a"))})
    first, second = stages(deployed, fleet_with(roots=["b"], organization="Another"))
    assert (first.name, first.preconditions, first.fleet.meshes["mesh1"].trust.bundle) == (AS_DEPLOYED, (), ("b", "a"))
    assert (second.name, second.preconditions) == ("the old root is dropped (a)", PRECONDITIONS)
    # With whatever else the stack file says.
    assert first.fleet.meshes["mesh1"].trust.organization == "Another"


def test_meshes_go_side_by_side_each_by_its_own_way() -> None:
    config = copy.deepcopy(GOOD)
    config["clusters"]["west"]["mesh"], config["clusters"]["east"]["mesh"] = "one", "two"
    config["meshes"] = {"one": {"trust": {"roots": ["b"]}}, "two": {"trust": {"roots": ["first", "b"]}}}
    target = load("dev", config)
    deployed = Deployed({mesh: DeployedTrust(("first",), ("first",)) for mesh in ("one", "two")})
    found = stages(deployed, target)
    assert [stage.name for stage in found] == [
        "one: both roots trusted (first and b); two: both roots trusted (first and b)",
        "one: the new root signs (b); two: the new root signs (b)",
        "one: the old root is dropped (first)",
    ]
    assert {stage.fleet.meshes["two"].trust.bundle for stage in found[1:]} == {("b", "first")}


def test_what_another_planner_changes_waits_its_turn() -> None:
    target = fleet_with(roots=["second"])
    target = target.model_copy(update={"istio": target.istio.model_copy(update={"revision": "new"})})
    found = stages(ONE, target, (rotate_roots, upgrade))
    assert [(stage.fleet.meshes["mesh1"].trust.bundle, stage.fleet.istio.revision) for stage in found] == [
        (("first", "second"), "default"),
        (("second", "first"), "default"),
        (("second",), "default"),
        (("second",), "canary"),
        (("second",), "new"),
    ]
    turned = stages(ONE, target, (upgrade, rotate_roots))
    assert [(stage.fleet.meshes["mesh1"].trust.bundle, stage.fleet.istio.revision) for stage in turned][:3] == [
        (("first",), "canary"),
        (("first",), "new"),
        (("first", "second"), "new"),
    ]
    assert found[-1].fleet == turned[-1].fleet == target


@given(loaded_fleets(max_clusters=3), st.data())
def test_of_any_fleet_whatever_is_deployed_the_last_stage_is_the_target(target: Fleet, data: st.DataObject) -> None:
    bundles = st.lists(st.sampled_from(["first", "a", "x"]), min_size=1, max_size=2, unique=True).map(tuple)
    trust = {}
    for mesh in target.meshes:
        if data.draw(st.booleans()):
            bundle = data.draw(bundles)
            trust[mesh] = DeployedTrust(bundle, bundle)
    found = stages(Deployed(trust), target)
    assert found[-1].fleet == target
    assert found[0].preconditions == ()
    for stage in found:
        # But for the roots of what is there already, every stage is the target.
        wanted = {mesh: target.meshes[mesh].trust.bundle for mesh in target.meshes}
        assert with_bundles(wanted)(stage.fleet).clusters == target.clusters
        for mesh in set(target.meshes) - set(trust):
            assert stage.fleet.meshes[mesh] == target.meshes[mesh]
