"""What a cluster has already is taken back, taken over on request, or refused with the way out."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.manifests.propagated_conflicts import Verdict, as_found, verdict
from meshfleet.manifests.propagated_mark import Mark

pytestmark = pytest.mark.proof("an object that is there already is refused, or taken over on request", step=0)


def body(mark: Mark | None = None, **metadata: Any) -> dict[str, Any]:
    described = {"name": "web", "namespace": "shop", **metadata}
    if mark:
        described["annotations"] = mark.annotation()
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {"a": "1"}}


OURS = body(Mark("dev", "web", "0"))


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_this_stack_made_comes_back_whatever_is_declared(overwrite: bool) -> None:
    for propagation in ("web", "other"):
        assert verdict(OURS, body(Mark("dev", propagation, "1")), overwrite=overwrite) == Verdict(ours=True)


def test_what_is_of_nobody_is_taken_over_on_request_alone() -> None:
    assert verdict(OURS, body(), overwrite=True) == Verdict()
    assert verdict(OURS, body(), overwrite=False).refusal == (
        "ConfigMap web in the namespace shop exists already and is not of this stack; to take it over set "
        "propagations.web.conflictResolution to Overwrite, else remove or rename it"
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_another_stack_propagates_and_what_is_being_deleted_is_never_taken(overwrite: bool) -> None:
    theirs = verdict(OURS, body(Mark("prod", "front", "0")), overwrite=overwrite).refusal
    assert "is of the propagation front of the stack prod and is never taken over" in theirs
    leaving = body(Mark("dev", "web", "0"), deletionTimestamp="2028-11-22T00:00:00Z")
    assert "is being deleted there; run the same command again" in verdict(OURS, leaving, overwrite=overwrite).refusal


def test_a_default_or_another_spelling_is_no_difference_and_a_value_is() -> None:
    declared = {"spec": {"cpu": "1000m", "ports": [{"port": 80}], "paused": False, "replicas": 2}}
    live = {"spec": {"cpu": "1", "ports": [{"port": 80, "protocol": "TCP"}], "replicas": 3}, "status": {}}
    applied = {"spec": {"cpu": "1", "ports": [{"port": 80, "protocol": "TCP"}], "replicas": 2}}
    found = as_found(declared, live, applied)
    assert found == {"spec": {**declared["spec"], "replicas": 3}}


def test_a_field_that_is_not_there_yet_is_left_out() -> None:
    assert as_found({"data": {"a": "1", "b": "2"}}, {"data": {"a": "0"}}, {"data": {"a": "1", "b": "2"}}) == {
        "data": {"a": "0"}
    }


VALUES = st.recursive(
    st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("xyz"), VALUES), st.dictionaries(st.sampled_from("xyz"), VALUES))
def test_what_is_found_is_what_is_declared_where_applying_it_changes_nothing(
    declared: dict[str, Any], live: dict[str, Any]
) -> None:
    before = copy.deepcopy((declared, live))
    assert as_found(declared, live, live) == declared
    found = as_found(declared, live, {**live, **declared})
    assert found.keys() <= declared.keys()
    # What differs from the declaration is as the cluster has it.
    assert all(value == declared[key] or key in live for key, value in found.items())
    assert all(found.get(key) == declared[key] for key in declared if live.get(key) == declared[key])
    assert (declared, live) == before
