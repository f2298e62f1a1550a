"""The way from one revision to another: every step is one that Istio supports, and it ends at the target."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.rollout.deployed import Deployed, DeployedRevisions
from meshfleet.rollout.revision_upgrade import (
    BEFORE_REMOVAL,
    BEFORE_USE,
    revisions_of,
    upgrade_revisions,
    with_revisions,
)
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet, load
from tests.topology.wrong_stacks.wrong import Wrong

pytestmark = pytest.mark.proof("an upgrade by revision is walked stage by stage across clusters, and back", step=0)

BLUE = DeployedRevisions({"blue": "1.31"}, "blue", "blue")


def fleet_with(**istio: Any) -> Fleet:
    """Two clusters with these settings of Istio."""
    return load("dev", Wrong("good", {"istio": istio}, {}).config)


def names(deployed: DeployedRevisions, target: Fleet) -> list[str]:
    return [stage.name for stage in stages(Deployed({}, deployed), target)]


def test_a_fleet_that_is_not_there_is_brought_up_at_once() -> None:
    target = fleet_with(revision="green", revisions={"green": {}, "blue": {}})
    assert [stage.fleet for stage in stages(Deployed(), target)] == [target]


def test_the_same_revisions_are_one_stage_and_it_is_the_target() -> None:
    target = fleet_with(revision="blue", revisions={"blue": {}}, tags=["prod"])
    assert names(BLUE, target) == [""]
    # Left out, the only revision is the one that workloads are on.
    assert names(BLUE, fleet_with(revision="blue")) == [""]


def test_another_version_of_the_same_revision_is_no_matter_of_stages() -> None:
    assert names(BLUE, fleet_with(revision="blue", revisions={"blue": {"version": "1.31.2"}})) == [""]


def test_a_canary_is_confirmed_before_gateways_and_those_before_workloads() -> None:
    way = stages(Deployed({}, BLUE), fleet_with(revision="green", revisions={"blue": {}, "green": {}}))
    assert [(stage.name, stage.preconditions) for stage in way] == [
        ("green beside blue", ()),
        ("gateways on green", BEFORE_USE),
        ("tags and namespaces on green", BEFORE_USE),
    ]
    states = [revisions_of(stage.fleet) for stage in way]
    assert [(state.gateways, state.workloads) for state in states] == [
        ("blue", "blue"),
        ("green", "blue"),
        ("green", "green"),
    ]


def test_an_old_revision_is_removed_last_and_only_when_nothing_is_on_it() -> None:
    way = stages(Deployed({}, BLUE), fleet_with(revision="green"))
    assert [stage.name for stage in way][-1] == "blue removed"
    assert way[-1].preconditions == BEFORE_REMOVAL
    assert way[-1].fleet.istio.installed == ("green",)


def test_an_upgrade_may_stop_at_the_gateways() -> None:
    target = fleet_with(revision="blue", gatewayRevision="green", revisions={"blue": {}, "green": {}})
    assert names(BLUE, target) == ["green beside blue", "gateways on green"]


def test_going_back_to_an_older_release_takes_workloads_first() -> None:
    deployed = DeployedRevisions({"blue": "1.30.1", "green": "1.31.0"}, "green", "green")
    way = upgrade_revisions(
        Deployed({}, deployed),
        with_revisions(DeployedRevisions({"blue": "1.30.1"}, "blue", "blue"))(fleet_with()),
    )
    assert [step.name for step in way.steps] == ["tags and namespaces on blue", "gateways on blue", "green removed"]


revision_names = st.sampled_from(["blue", "green", "default"])


@st.composite
def states(draw: st.DrawFn) -> DeployedRevisions:
    """Any revisions that may be deployed or wanted."""
    installed = draw(st.sets(revision_names, min_size=1, max_size=2))
    version = st.sampled_from(["1.30", "1.31", "1.31.2"])
    on = st.sampled_from(sorted(installed))
    return DeployedRevisions({name: draw(version) for name in sorted(installed)}, draw(on), draw(on))


@given(states(), states())
def test_each_step_moves_one_thing_and_only_to_what_is_installed(
    deployed: DeployedRevisions, target: DeployedRevisions
) -> None:
    fleet = with_revisions(target)(fleet_with())
    way = [deployed, *(revisions_of(stage.fleet) for stage in stages(Deployed({}, deployed), fleet))]
    assert way[-1] == revisions_of(fleet)
    for before, after in pairwise(way):
        moved = [what for what in ("gateways", "workloads") if getattr(before, what) != getattr(after, what)]
        gone = set(before.installed) - set(after.installed)
        added = set(after.installed) - set(before.installed)
        assert len(moved) + bool(gone) + bool(added) <= 1
        assert {after.gateways, after.workloads} <= set(after.installed)
        # What is removed has been left, and what is moved to has been there.
        assert not gone & {before.gateways, before.workloads}
        assert all(getattr(after, what) in before.installed for what in moved)
