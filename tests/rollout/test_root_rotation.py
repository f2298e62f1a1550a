"""The way from any roots to any others: no two clusters on it ever distrust each other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.rollout.deployed import Bundle, DeployedTrust
from meshfleet.rollout.root_rotation import PRECONDITIONS, Move, describe, moves, named_as, next_bundle

pytestmark = pytest.mark.proof("the way from one root to another keeps trust at every step", step=0)

LONGEST_WAY = 6


def bundles() -> st.SearchStrategy[Bundle]:
    """One or two roots out of four, the one that signs first."""
    return st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True).map(tuple)


def compatible(one: Bundle, other: Bundle) -> bool:
    """Whether workloads of a cluster in one state and of a cluster in the other trust each other's certificates."""
    return one[0] in other and other[0] in one


def states(deployed: DeployedTrust, target: Bundle) -> list[Bundle]:
    """Every state on the way, that which all clusters have reached before it included."""
    return [deployed.reached, *(move.bundle for move in moves(deployed, target))]


@st.composite
def interrupted(draw: st.DrawFn) -> DeployedTrust:
    """A mesh some of whose clusters are a step further than the others, or none is."""
    reached, goal = draw(bundles()), draw(bundles())
    return DeployedTrust(reached, draw(st.sampled_from([reached, next_bundle(reached, goal)])))


@given(interrupted(), bundles())
def test_any_two_states_that_follow_each_other_trust_whatever_the_other_signs_with(
    deployed: DeployedTrust, target: Bundle
) -> None:
    for before, after in pairwise(states(deployed, target)):
        assert compatible(before, after)


@given(interrupted(), bundles())
def test_of_any_two_that_follow_each_other_one_holds_the_other(deployed: DeployedTrust, target: Bundle) -> None:
    for before, after in pairwise(states(deployed, target)):
        assert set(before) <= set(after) or set(after) <= set(before)


@given(interrupted(), bundles())
def test_the_way_ends_at_the_target_and_never_has_more_than_two_roots(deployed: DeployedTrust, target: Bundle) -> None:
    way = states(deployed, target)
    assert way[-1] == target
    assert len(way) <= LONGEST_WAY + 1
    assert {len(bundle) for bundle in way} <= {1, 2}


@given(bundles(), bundles())
def test_there_is_no_way_at_the_target_and_a_step_only_if_something_changes(start: Bundle, target: Bundle) -> None:
    assert moves(DeployedTrust(target, target), target) == ()
    assert next_bundle(target, target) == target
    assert (next_bundle(start, target) == start) == (start == target)


@given(interrupted(), bundles())
def test_a_step_that_was_begun_is_ended_before_another(deployed: DeployedTrust, target: Bundle) -> None:
    way = moves(deployed, target)
    if not deployed.settled:
        assert way[0].bundle == deployed.begun


@given(interrupted(), bundles())
def test_before_another_root_signs_or_one_is_dropped_everybody_has_what_came_before(
    deployed: DeployedTrust, target: Bundle
) -> None:
    way = moves(deployed, target)
    for before, move in zip([deployed.begun, *(move.bundle for move in way)], way, strict=False):
        if move.bundle != before:
            grows = set(before) < set(move.bundle)
            assert move.preconditions == (() if grows else PRECONDITIONS)
    if not deployed.settled:
        assert way[0].preconditions == ()


@given(interrupted(), bundles(), st.data())
def test_whoever_is_interrupted_anywhere_arrives_all_the_same(
    deployed: DeployedTrust, target: Bundle, data: st.DataObject
) -> None:
    for _ in range(LONGEST_WAY + 1):
        way = moves(deployed, target)
        if not way:
            break
        # Killed before the end of the first step, or after it.
        ended = data.draw(st.booleans())
        before, after = deployed.reached, way[0].bundle
        assert compatible(before, after)
        deployed = DeployedTrust(after if ended else before, after)
    # What was interrupted every time is finished by the first one that is not.
    for move in moves(deployed, target):
        assert compatible(deployed.reached, move.bundle)
        deployed = DeployedTrust(move.bundle, move.bundle)
    assert deployed.reached == target


def told(start: Bundle, target: Bundle) -> list[tuple[str, Bundle]]:
    return [(move.name, move.bundle) for move in moves(DeployedTrust(start, start), target)]


def test_a_root_gives_way_to_another_in_three_steps() -> None:
    assert told(("a",), ("b",)) == [
        ("both roots trusted (a and b)", ("a", "b")),
        ("the new root signs (b)", ("b", "a")),
        ("the old root is dropped (a)", ("b",)),
    ]


def test_an_interrupted_way_goes_on_where_it_was() -> None:
    assert told(("b", "a"), ("b",)) == [("the old root is dropped (a)", ("b",))]
    begun = DeployedTrust(reached=("a", "b"), begun=("b", "a"))
    assert moves(begun, ("b",)) == (
        Move("both roots trusted (b and a), b signs", ("b", "a")),
        Move("the old root is dropped (a)", ("b",), PRECONDITIONS),
    )


def test_who_thinks_better_of_it_comes_back_the_same_way() -> None:
    assert [bundle for _, bundle in told(("b", "a"), ("a",))] == [("a", "b"), ("a",)]


def test_two_roots_give_way_to_two_others_one_at_a_time() -> None:
    assert [bundle for _, bundle in told(("a", "b"), ("c", "d"))] == [
        ("a",),
        ("a", "c"),
        ("c", "a"),
        ("c",),
        ("c", "d"),
    ]


def test_a_state_is_reported_in_words() -> None:
    assert describe(("a",)) == "one root (a)"
    assert describe(("b", "a")) == "both roots trusted (b and a), b signs"


A, B = "0123456789abcdef", "fedcba9876543210"


@pytest.mark.parametrize(
    ("deployed", "target", "named"),
    [
        ((f"file-{A}",), (f"issuer-{A}",), (f"issuer-{A}",)),
        ((f"issuer-{A}",), (f"file-{A}",), (f"file-{A}",)),
        ((f"issuer-{A}", "first"), (f"file-{A}",), (f"file-{A}", "first")),
        ((f"file-{A}",), (f"issuer-{B}",), (f"file-{A}",)),
        (("first",), (f"issuer-{A}",), ("first",)),
        (("a-1",), ("b-1",), ("a-1",)),
    ],
)
def test_another_way_to_the_intermediates_of_one_root_is_no_other_root(
    deployed: Bundle, target: Bundle, named: Bundle
) -> None:
    assert named_as(DeployedTrust(deployed, deployed), target) == DeployedTrust(named, named)
