"""Spread constraints choose clusters so that they form as many groups as declared, or say which minimum is not met."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation import spread_minimums
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.spreading import Eligible, Spread, spread
from meshfleet.topology.propagation.placement import SpreadConstraint
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "clusters are chosen over regions, zones and labels as spread constraints bound it", step=0
)


def bound(by: str, least: int = 1, most: int | None = None) -> SpreadConstraint:
    of = {"spreadByField": by} if by in ("cluster", "region", "zone") else {"spreadByLabel": by}
    return SpreadConstraint.model_validate(of | {"minGroups": least, "maxGroups": most})


def clusters(*places: str, rooms: Iterable[int] = (), tiers: Iterable[int] = ()) -> list[Eligible]:
    """Clusters a, b, c, … at `region/zone/tier` each."""
    room, tier = [*rooms, *[0] * len(places)], [*tiers, *[0] * len(places)]
    found = []
    for position, place in enumerate(places):
        region, zone, label = [*place.split("/"), "", ""][:3]
        cluster = Candidate(chr(ord("a") + position), "eks", region, zone, {"tier": label} if label else {})
        found.append(Eligible(cluster, position, tier[position], room[position]))
    return found


def chosen(found: Spread) -> str:
    assert not found.unmet
    return "".join(sorted(found.chosen))


def test_without_constraints_every_cluster_is_chosen() -> None:
    assert chosen(spread([], clusters("eu", "", "us"))) == "abc"


def test_a_maximum_of_clusters_takes_them_in_turns_over_regions() -> None:
    eligible = clusters("eu", "eu", "eu", "us", "us", "ap")
    found = spread([bound("cluster", 1, 4), bound("region")], eligible)
    assert chosen(found) == "abdf"
    assert found.left_out == {
        "c": "spread constraint on cluster: at most 4",
        "e": "spread constraint on cluster: at most 4",
    }


def test_turns_count_what_clusters_of_other_zones_have_taken() -> None:
    # After a and c, both regions have one cluster: b is before d.
    eligible = clusters("eu/a", "eu/b", "us/a", "us/b")
    assert chosen(spread([bound("region"), bound("zone"), bound("cluster", 1, 3)], eligible)) == "abc"


def test_a_maximum_of_regions_keeps_the_first_regions_whole() -> None:
    found = spread([bound("region", 1, 2)], clusters("eu", "us", "ap", "eu", "ap"))
    assert chosen(found) == "abd"
    assert found.left_out["c"] == "spread constraint on region: at most 2, eu, us"


def test_more_room_comes_first_in_clusters_and_regions() -> None:
    assert chosen(spread([bound("cluster", 1, 2)], clusters("eu", "us", "ap", rooms=(1, 9, 4)))) == "bc"
    # us has the largest cluster, ap the most room.
    assert chosen(spread([bound("region", 1, 1)], clusters("eu", "us", "ap", "ap", rooms=(1, 9, 5, 5)))) == "cd"


def test_clusters_of_a_lower_tier_come_first() -> None:
    eligible = clusters("eu", "us", "us", "us", rooms=(9, 1, 1, 1), tiers=(1, 0, 0, 0))
    assert chosen(spread([bound("region"), bound("cluster", 1, 2)], eligible)) == "bc"


def test_clusters_with_an_empty_label_are_one_group() -> None:
    eligible = [Eligible(Candidate(name, labels={"tier": ""}), at) for at, name in enumerate("abc")]
    assert chosen(spread([bound("tier", 1, 1)], eligible)) == "abc"
    assert spread([bound("tier", 2)], eligible).unmet == "spread constraint on label tier: at least 2, found 1 (empty)"


def test_zones_of_one_name_in_two_regions_are_two_zones() -> None:
    assert chosen(spread([bound("zone", 2)], clusters("eu/a", "us/a"))) == "ab"


def test_a_cluster_in_no_group_is_not_chosen() -> None:
    found = spread([bound("zone"), bound("tier")], clusters("eu/a/gold", "eu", "eu/b"))
    assert chosen(found) == "a"
    assert found.left_out == {
        "b": "no zone, which a spread constraint groups by",
        "c": "no label tier, which a spread constraint groups by",
    }


@pytest.mark.parametrize(
    "constraints, why",
    [
        ([bound("region", 3)], "spread constraint on region: at least 3, found 2 (eu, us)"),
        ([bound("cluster", 5)], "spread constraint on cluster: at least 5, found 4 (a, b, c, d)"),
        ([bound("tier", 1)], "spread constraint on label tier: at least 1, found none"),
        (
            [bound("cluster", 1, 1), bound("region", 2)],
            "spread constraint on region and spread constraint on cluster: "
            "no choice of clusters meets all of them together",
        ),
    ],
)
def test_a_minimum_that_is_not_met_is_named_and_nothing_chosen(constraints: list[SpreadConstraint], why: str) -> None:
    found = spread(constraints, clusters("eu/a", "us/a", "us/b", "eu/b"))
    assert (found.chosen, found.unmet) == (frozenset(), why)


def test_minimums_over_crossing_groups_are_met_together() -> None:
    # The first cluster alone would leave no second one that adds both a region and a tier.
    found = spread([bound("cluster", 2, 2), bound("region", 2), bound("tier", 2)], clusters("eu//x", "us//x", "eu//y"))
    assert chosen(found) == "bc"


PLACES = st.lists(
    st.builds("{}/{}/{}".format, st.sampled_from(["eu", "us", "ap"]), st.sampled_from("ab"), st.sampled_from("xyz")),
    min_size=1,
    max_size=7,
)
BOUNDS = st.lists(st.sampled_from(["cluster", "region", "zone", "tier"]), unique=True, min_size=1).flatmap(
    lambda fields: st.tuples(
        *(
            st.tuples(st.just(field), st.integers(1, 3), st.integers(0, 3)).map(
                lambda each: bound(each[0], each[1], each[1] + each[2] if each[2] < 3 else None)
            )
            for field in fields
        )
    )
)


def _holds(constraint: SpreadConstraint, some: Iterable[Eligible], least: bool = True) -> bool:
    number = len({_value(constraint, each.cluster) for each in some})
    return (not least or number >= constraint.min_groups) and number <= (constraint.max_groups or number)


def _value(constraint: SpreadConstraint, cluster: Candidate) -> str:
    if constraint.spread_by_label:
        return cluster.labels[constraint.spread_by_label]
    return {
        "cluster": cluster.name,
        "region": cluster.region,
        "zone": f"{cluster.region}/{cluster.zone}",
    }[constraint.spread_by_field or ""]


@given(PLACES, BOUNDS, st.lists(st.integers(0, 9), max_size=7))
@up_to(200)
def test_a_choice_is_found_wherever_there_is_one(
    places: list[str], bounds: tuple[SpreadConstraint, ...], rooms: list[int]
) -> None:
    eligible = clusters(*places, rooms=rooms)
    found = spread(bounds, eligible)
    some = [each for each in eligible if each.cluster.name in found.chosen]
    possible = any(
        all(_holds(each, choice) for each in bounds)
        for size in range(1, len(eligible) + 1)
        for choice in combinations(eligible, size)
    )
    assert bool(some) == possible == (not found.unmet)
    if some:
        assert all(_holds(each, some) for each in bounds)
        assert found.core <= found.chosen
        # No other cluster could join them, and each has the reason.
        others = [each for each in eligible if each not in some]
        assert all(not all(_holds(each, [*some, other], least=False) for each in bounds) for other in others)
        assert set(found.left_out) == {each.cluster.name for each in others}


@given(PLACES, st.permutations([bound("cluster", 1, 3), bound("region", 1, 2), bound("tier")]))
@up_to(50)
def test_the_order_of_constraints_does_not_matter(places: list[str], bounds: list[SpreadConstraint]) -> None:
    in_order = [bound("region", 1, 2), bound("tier"), bound("cluster", 1, 3)]
    assert spread(bounds, clusters(*places)) == spread(in_order, clusters(*places))


def test_a_hundred_clusters_need_a_choice_for_each_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread_minimums, "LONGEST_SEARCH", 60)
    eligible = [
        Eligible(Candidate(f"c{number}", "eks", f"r{number % 5}", f"z{number % 7}"), number) for number in range(100)
    ]
    found = spread([bound("region", 3, 4), bound("zone", 20, 25), bound("cluster", 50, 60)], eligible)
    assert not found.unmet
    assert len(found.chosen) == 60
