"""Division by highest averages keeps its two laws, and is what the rule of one replica after the other gives."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation import division
from meshfleet.federation.division import divide
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "replicas are divided in proportion to weights, by laws that hold for every input", step=0
)

NAMES = tuple("abcdefgh")
Weights = dict[str, int]
Turn = tuple[int, int, int]


@st.composite
def weights(draw: st.DrawFn, least: int = 1, most: int = len(NAMES)) -> Weights:
    """Weights of clusters in any order; small ones tie often."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(least, most))]
    return {name: draw(st.one_of(st.integers(0, 5), st.integers(0, 1_000_000))) for name in names}


def limits() -> st.SearchStrategy[Weights]:
    return st.dictionaries(st.sampled_from(NAMES), st.integers(0, 40))


def one_after_the_other(replicas: int, shares: Mapping[str, int], most: Mapping[str, int]) -> Weights:
    """The rule itself: each replica to the highest average, then the fewest replicas, then the one that is first."""
    found = dict.fromkeys(shares, 0)
    for _ in range(replicas):
        able = [name for name, weight in shares.items() if weight and found[name] < most.get(name, replicas)]
        if not able:
            break
        first = min(able, key=lambda name: (-Fraction(shares[name], 2 * found[name] + 1), found[name]))
        found[first] += 1
    return found


@given(st.integers(0, 120), weights(), limits())
@up_to(300)
def test_division_is_the_rule_of_one_replica_after_the_other(replicas: int, shares: Weights, most: Weights) -> None:
    assert divide(replicas, shares, most) == one_after_the_other(replicas, shares, most)


@given(st.integers(0, 100_000), weights(), limits())
@up_to(200)
def test_more_replicas_never_take_one_away_from_a_cluster(replicas: int, shares: Weights, most: Weights) -> None:
    before, after = divide(replicas, shares, most), divide(replicas + 1, shares, most)
    assert all(before[name] <= after[name] for name in shares)


@given(st.integers(0, 100_000), weights(least=2), limits(), st.data())
@up_to(200)
def test_one_more_cluster_never_gives_another_more(
    replicas: int, shares: Weights, most: Weights, data: st.DataObject
) -> None:
    new = data.draw(st.sampled_from(sorted(shares)))
    before = divide(replicas, {name: weight for name, weight in shares.items() if name != new}, most)
    after = divide(replicas, shares, most)
    assert all(after[name] <= before[name] for name in before)


@given(st.integers(0, 100_000), weights(), limits())
@up_to(200)
def test_every_replica_is_placed_that_limits_allow(replicas: int, shares: Weights, most: Weights) -> None:
    found = divide(replicas, shares, most)
    able = [most.get(name, replicas) for name, weight in shares.items() if weight]
    assert sum(found.values()) == min(replicas, sum(able))
    assert all(found[name] <= most.get(name, replicas) for name in shares)
    assert all(not found[name] for name, weight in shares.items() if not weight)


@given(st.integers(0, 100_000), weights())
@up_to(200)
def test_no_transfer_of_a_replica_is_fairer(replicas: int, shares: Weights) -> None:
    # Webster's bound: one divisor rounds every quotient to the nearest whole number.
    found = divide(replicas, shares)
    for name, weight in shares.items():
        for other, others in shares.items():
            if weight and others:
                assert (2 * found[name] - 1) * others <= (2 * found[other] + 1) * weight


@given(st.integers(0, 100_000), weights(most=3))
@up_to(200)
def test_three_clusters_have_their_quota_rounded_up_or_down(replicas: int, shares: Weights) -> None:
    # With more clusters, no method that keeps the two laws always stays within the quota (Balinski and Young).
    total = sum(shares.values())
    for name, count in divide(replicas, shares).items():
        assert not total or abs(count - Fraction(replicas * shares[name], total)) < 1


@given(st.integers(1, 50), weights())
@up_to(100)
def test_shares_that_come_out_even_are_exact(times: int, shares: Weights) -> None:
    assert divide(times * sum(shares.values()), shares) == {name: times * weight for name, weight in shares.items()}


@given(st.integers(0, 100_000), weights(), limits(), st.data())
@up_to(200)
def test_the_order_of_clusters_counts_among_equals_alone(
    replicas: int, shares: Weights, most: Weights, data: st.DataObject
) -> None:
    other_order = dict(data.draw(st.permutations(list(shares.items()))))
    found, again = divide(replicas, shares, most), divide(replicas, other_order, most)
    for weight in set(shares.values()):
        alike = [name for name in shares if shares[name] == weight]
        assert sorted(found[name] for name in alike) == sorted(again[name] for name in alike)


def test_of_equal_averages_fewer_replicas_come_first() -> None:
    # 3 / 3 = 1 / 1: the second replica of a, or the first one of b.
    assert divide(2, {"a": 3, "b": 1}) == {"a": 1, "b": 1}


def test_of_equal_clusters_the_one_that_stands_first_is_first() -> None:
    assert divide(4, {"b": 1, "a": 1, "c": 1}) == {"b": 2, "a": 1, "c": 1}


def test_weights_of_two_to_one_divide_nine_into_six_and_three() -> None:
    assert divide(9, {"west": 2, "east": 1}) == {"west": 6, "east": 3}


def test_without_a_weight_nothing_is_divided() -> None:
    assert divide(9, {"west": 0, "east": 0}) == {"west": 0, "east": 0}
    assert divide(9, {}) == {}


@pytest.mark.parametrize("replicas", (1_000, 100_000, 10_000_000))
def test_the_work_does_not_grow_with_the_replicas(replicas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Counting:
        @staticmethod
        def heapify(queue: list[Turn]) -> None:
            heapq.heapify(queue)

        @staticmethod
        def heapreplace(queue: list[Turn], item: Turn) -> None:
            nonlocal steps
            steps += 1
            heapq.heapreplace(queue, item)

        @staticmethod
        def heappop(queue: list[Turn]) -> None:
            nonlocal steps
            steps += 1
            heapq.heappop(queue)

    monkeypatch.setattr(division, "heapq", Counting)
    shares = {f"c{number}": number * number + 1 for number in range(100)}
    most = {f"c{number}": 7 * number for number in range(0, 60, 3)}
    assert sum(divide(replicas, shares, most).values()) == replicas
    assert steps <= len(shares)
