"""An object goes to the first group that fits, its replicas are shared out, and other clusters have a reason."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.candidates import Candidate
from meshfleet.federation.capacity import Requests, free_in
from meshfleet.federation.eligibility import groups
from meshfleet.federation.fitting import Need
from meshfleet.federation.placement import Decision, beside, place, place_in
from meshfleet.topology.propagation.capacity import Capacity
from meshfleet.topology.propagation.placement import Placement, Taint
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "objects go to the clusters that their placement selects, with reasons for others", step=0
)

CORE = Requests(cpu=1000)
DYNAMIC = {"replicaSchedulingType": "Divided", "dynamicWeight": "AvailableReplicas"}
AGGREGATED = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}
DIVIDED = {"replicaSchedulingType": "Divided"}


def cluster(name: str, region: str = "eu", cores: int | None = None, **labels: str) -> Candidate:
    return Candidate(name, "eks", region, "", labels, (), None if cores is None else Capacity(cpu=str(cores)))


def placed(
    clusters: list[Candidate], replicas: int | None = None, requests: Requests = CORE, **placement: Any
) -> Decision:
    need = None if replicas is None else Need(replicas, requests)
    return place(Placement.model_validate(placement), clusters, need, free_in(clusters))


def weighted(**weights: int) -> dict[str, Any]:
    entries = [{"targetClusters": {"clusterNames": [name]}, "weight": weight} for name, weight in weights.items()]
    return DIVIDED | {"staticWeights": entries}


def region(affinity: str, *names: str) -> dict[str, Any]:
    return {"affinityName": affinity, "regions": list(names)}


ABC = [cluster("a"), cluster("b", "us"), cluster("c", "us")]


def test_without_a_placement_an_object_goes_everywhere() -> None:
    assert placed(ABC) == Decision(("a", "b", "c"), "", {}, None, "", {})


def test_duplicated_replicas_are_all_in_each_cluster() -> None:
    assert placed(ABC, 3).replicas == {"a": 3, "b": 3, "c": 3}


def test_a_cluster_that_is_not_selected_has_the_reason() -> None:
    tainted = Candidate("d", region="us", taints=(Taint(key="gpu", effect="NoExecute"),))
    found = placed([*ABC, tainted], clusterAffinity={"regions": ["us"], "excludeClusters": ["c"]})
    assert found.clusters == ("b",)
    assert found.left_out == {
        "a": "region eu is none of us",
        "c": "excluded by name",
        "d": "taint gpu:NoExecute is not tolerated",
    }


def test_a_selection_of_no_cluster_is_pending_with_the_reasons() -> None:
    found = placed(ABC, 3, clusterAffinity={"regions": ["ap"]})
    assert (found.clusters, found.replicas) == ((), {})
    assert found.pending == (
        "no cluster is eligible (a: region eu is none of ap; b: region us is none of ap; c: region us is none of ap)"
    )


def test_static_weights_divide_and_zero_replicas_leave_out() -> None:
    found = placed(ABC, 9, replicaScheduling=weighted(a=2, b=1, c=0))
    assert found.replicas == {"a": 6, "b": 3}
    assert found.left_out == {"c": "weight 0 in staticWeights"}
    found = placed(ABC, 1, replicaScheduling=weighted(a=2, b=1))
    assert (found.clusters, found.replicas) == (("a",), {"a": 1})
    assert found.left_out == {"b": "none of the 1 replicas", "c": "no weight in staticWeights"}


def test_the_largest_static_weight_of_a_cluster_counts() -> None:
    entries = [
        {"weight": 1},
        {"targetClusters": {"regions": ["us"]}, "weight": 5},
        {"targetClusters": {"clusterNames": ["c"]}, "weight": 3},
    ]
    assert placed(ABC, 11, replicaScheduling=DIVIDED | {"staticWeights": entries}).replicas == {"a": 1, "b": 5, "c": 5}


def test_no_weights_are_equal_weights() -> None:
    assert placed(ABC, 7, replicaScheduling=DIVIDED).replicas == {"a": 3, "b": 2, "c": 2}


def test_zero_replicas_go_to_all_chosen_clusters() -> None:
    for scheduling in ({}, DIVIDED, DYNAMIC, AGGREGATED):
        found = placed([cluster("a", cores=0), cluster("b")], 0, replicaScheduling=scheduling)
        assert found == Decision(("a", "b"), "", {}, {"a": 0, "b": 0}, "", {})


def test_dynamic_weights_follow_what_fits() -> None:
    clusters = [cluster("a", cores=10), cluster("b", cores=20), cluster("c", cores=0)]
    found = placed(clusters, 6, replicaScheduling=DYNAMIC)
    assert found.replicas == {"a": 2, "b": 4}
    assert found.left_out == {"c": "a replica needs 1 cpu, 0 free"}


def test_a_cluster_without_a_limit_outweighs_those_with_one() -> None:
    assert placed([cluster("a", cores=8), cluster("b")], 100, replicaScheduling=DYNAMIC).replicas == {"b": 100}


def test_what_fits_nowhere_is_pending_by_number() -> None:
    found = placed([cluster("a", cores=1), cluster("b", cores=2)], 5, replicaScheduling=DYNAMIC)
    assert found.replicas == {"a": 1, "b": 2}
    assert found.pending == "2 of 5 replicas fit nowhere; there is room for 3 in a, b"


def test_aggregated_takes_as_few_clusters_as_hold_all() -> None:
    clusters = [cluster("a", cores=4), cluster("b", cores=10), cluster("c", cores=6)]
    assert placed(clusters, 10, replicaScheduling=AGGREGATED).replicas == {"b": 10}
    assert placed(clusters, 12, replicaScheduling=AGGREGATED).replicas == {"b": 7, "c": 5}
    assert placed(clusters, 20, replicaScheduling=AGGREGATED).replicas == {"a": 4, "b": 10, "c": 6}


def test_aggregated_keeps_a_minimum_of_regions() -> None:
    clusters = [cluster("a", "eu", 10), cluster("b", "us", 5), cluster("c", "eu", 9)]
    spread = [{"spreadByField": "region", "minGroups": 2}]
    assert placed(clusters, 6, replicaScheduling=AGGREGATED, spreadConstraints=spread).replicas == {"a": 4, "b": 2}


def test_a_spread_minimum_that_is_not_met_places_nothing() -> None:
    found = placed(ABC, 3, spreadConstraints=[{"spreadByField": "region", "minGroups": 3}])
    why = "spread constraint on region: at least 3, found 2 (eu, us)"
    assert found == Decision((), "", {"a": why, "b": why, "c": why}, {}, why, {})


def test_the_first_group_that_fits_is_taken() -> None:
    found = placed(ABC, clusterAffinities=[region("near", "ap"), region("home", "us"), region("far", "eu")])
    assert (found.clusters, found.affinity, found.pending) == (("b", "c"), "home", "")
    assert found.left_out == {"a": "home comes before far"}
    assert found.passed_over == {
        "near": "no cluster is eligible (a: near: region eu is none of ap; b: near: region us is none of ap; "
        "c: near: region us is none of ap)"
    }


def test_a_group_without_capacity_for_all_replicas_is_passed_over() -> None:
    clusters = [cluster("a", "eu", 4), cluster("b", "us", 9)]
    order = [region("first", "eu"), region("second", "us")]
    assert placed(clusters, 4, clusterAffinities=order, replicaScheduling=DYNAMIC).affinity == "first"
    found = placed(clusters, 5, clusterAffinities=order, replicaScheduling=DYNAMIC)
    assert (found.affinity, found.replicas) == ("second", {"b": 5})
    assert found.passed_over == {"first": "1 of 5 replicas fit nowhere; there is room for 4 in a"}
    assert found.left_out == {"a": "first does not fit: 1 of 5 replicas fit nowhere; there is room for 4 in a"}


def test_where_no_group_fits_the_one_that_holds_most_is_taken() -> None:
    clusters = [cluster("a", "eu", 4), cluster("b", "us", 9)]
    order = [region("first", "eu"), region("second", "us")]
    found = placed(clusters, 10, clusterAffinities=order, replicaScheduling=DYNAMIC)
    assert (found.affinity, found.replicas) == ("second", {"b": 9})
    assert found.pending == (
        "first: 6 of 10 replicas fit nowhere; there is room for 4 in a; "
        "second: 1 of 10 replicas fit nowhere; there is room for 9 in b"
    )


def test_overflow_fills_a_group_before_the_next() -> None:
    clusters = [cluster("cloud", "us"), cluster("a", "eu", 3), cluster("b", "eu", 3)]
    overflow = [region("own", "eu"), region("rented", "us", "eu")]
    found = placed(clusters, 4, overflowAffinities=overflow, replicaScheduling=DYNAMIC)
    assert (found.affinity, found.replicas) == ("own", {"a": 2, "b": 2})
    assert found.left_out == {"cloud": "none of the 4 replicas, held by own"}
    found = placed(clusters, 10, overflowAffinities=overflow, replicaScheduling=DYNAMIC)
    assert (found.affinity, found.replicas) == ("own, rented", {"cloud": 4, "a": 3, "b": 3})
    assert placed(clusters, overflowAffinities=overflow, replicaScheduling=DYNAMIC).clusters == ("cloud", "a", "b")


def test_a_workload_takes_capacity_from_the_next_one() -> None:
    clusters = [cluster("a", cores=10), cluster("b", cores=10)]
    free = free_in(clusters)
    placement = Placement.model_validate({"replicaScheduling": AGGREGATED})
    first = place(placement, clusters, Need(8, CORE), free)
    assert first.replicas == {"a": 8}
    second = place(placement, clusters, Need(8, CORE), free.less(CORE, first.replicas))
    assert second.replicas == {"b": 8}


def test_an_object_without_replicas_follows_workloads_that_capacity_moved() -> None:
    clusters = [cluster("a", "eu", 4), cluster("b", "us", 9), cluster("c", "us", 0)]
    order: dict[str, Any] = {
        "clusterAffinities": [region("first", "eu"), region("second", "us")],
        "replicaScheduling": DYNAMIC,
    }
    alone = placed(clusters, **order)
    small, large = (placed(clusters, replicas, **order) for replicas in (4, 5))
    assert beside(alone, [], clusters) == alone
    assert beside(alone, [small], clusters) == alone
    moved = beside(alone, [large], clusters)
    assert (moved.clusters, moved.affinity, moved.replicas, moved.pending) == (("b",), "second", None, "")
    assert moved.left_out == {
        "a": "no workload: first does not fit: 1 of 5 replicas fit nowhere; there is room for 4 in a",
        "c": "no workload: a replica needs 1 cpu, 0 free",
    }


SCHEDULINGS = st.sampled_from([{}, DIVIDED, DYNAMIC, AGGREGATED, weighted(a=3, b=1), weighted(b=0, c=1, a=5)])
CLUSTERS = st.tuples(
    *(
        st.builds(
            cluster,
            st.just(name),
            st.sampled_from(["eu", "us", "ap", ""]),
            st.none() | st.integers(0, 12),
            tier=st.sampled_from(["gold", "silver"]),
        )
        for name in "abcdef"
    )
).map(list)
AFFINITIES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"clusterAffinity": st.sampled_from([{"regions": ["eu", "us"]}, {"excludeClusters": ["a"]}])}
    ),
    st.permutations([region("one", "eu"), region("two", "us", "eu"), region("three", "ap")]).flatmap(
        lambda named: st.sampled_from([{"clusterAffinities": named}, {"overflowAffinities": named}])
    ),
)
SPREADS = st.lists(
    st.sampled_from(
        [
            {"spreadByField": "cluster", "minGroups": 2, "maxGroups": 3},
            {"spreadByField": "region", "maxGroups": 2},
            {"spreadByLabel": "tier", "minGroups": 2},
        ]
    ),
    unique_by=str,
)


@st.composite
def placements(draw: st.DrawFn, schedulings: st.SearchStrategy[dict[str, Any]] = SCHEDULINGS) -> dict[str, Any]:
    affinities = draw(AFFINITIES)
    scheduling = draw(schedulings)
    if "overflowAffinities" in affinities and not scheduling:
        scheduling = DYNAMIC
    return affinities | {"spreadConstraints": draw(SPREADS), "replicaScheduling": scheduling}


@given(CLUSTERS, placements(), st.none() | st.integers(0, 60))
@up_to(300)
def test_each_cluster_is_chosen_or_has_a_reason(
    clusters: list[Candidate], placement: dict[str, Any], replicas: int | None
) -> None:
    found = placed(clusters, replicas, **placement)
    names = [each.name for each in clusters]
    assert [name for name in names if name in found.clusters] == list(found.clusters)
    assert set(names) - set(found.clusters) == set(found.left_out)
    assert all(found.left_out.values())
    assert bool(found.pending) or bool(found.clusters)
    if replicas is None:
        assert found.replicas is None
        return
    assert found.replicas is not None
    assert tuple(found.replicas) == found.clusters
    if placement["replicaScheduling"]:
        assert sum(found.replicas.values()) == replicas or found.pending
        assert not replicas or all(found.replicas.values())


@given(CLUSTERS, placements(st.sampled_from([DYNAMIC, AGGREGATED])), st.integers(1, 60), st.data())
@up_to(200)
def test_no_cluster_gets_more_than_fits_and_nothing_waits_while_room_is_left(
    clusters: list[Candidate], placement: dict[str, Any], replicas: int, data: st.DataObject
) -> None:
    found = placed(clusters, replicas, **placement)
    free = free_in(clusters)
    fits = free.fits([each.name for each in clusters], CORE)
    assert found.replicas is not None
    for name, count in found.replicas.items():
        most = fits[name]
        assert most is None or count <= most
    if found.pending and found.clusters:
        after = free.less(CORE, found.replicas)
        assert set(after.fits(found.clusters, CORE).values()) == {0}


@given(CLUSTERS, SPREADS, st.sampled_from([DIVIDED, DYNAMIC, weighted(a=3, b=1)]), st.integers(1, 60))
@up_to(200)
def test_a_placement_by_weight_keeps_every_replica_as_it_grows(
    clusters: list[Candidate], spread: list[dict[str, Any]], scheduling: dict[str, Any], replicas: int
) -> None:
    before, after = (
        placed(clusters, count, spreadConstraints=spread, replicaScheduling=scheduling).replicas or {}
        for count in (replicas, replicas + 1)
    )
    assert all(count <= after.get(name, 0) for name, count in before.items())


@given(CLUSTERS, SPREADS, st.permutations("abcdef"), st.lists(st.integers(0, 6), min_size=2, max_size=2))
@up_to(200)
def test_overflow_grows_by_group_and_shrinks_in_reverse(
    clusters: list[Candidate], spread: list[dict[str, Any]], names: list[str], cuts: list[int]
) -> None:
    first, second = sorted(cuts)
    tiers = [tuple(names[:first]), tuple(names[first:second]), tuple(names[second:])]
    overflow = [{"affinityName": f"tier-{at}", "clusterNames": list(tier)} for at, tier in enumerate(tiers) if tier]
    before: dict[str, int] = {}
    for replicas in range(1, 30):
        found = placed(
            clusters, replicas, overflowAffinities=overflow, spreadConstraints=spread, replicaScheduling=DYNAMIC
        )
        now = dict(found.replicas or {})
        # One more replica comes, none moves: fewer replicas are the same steps backwards.
        assert all(count <= now.get(name, 0) for name, count in before.items())
        before = now
        chosen = set(found.clusters) | {name for name, why in found.left_out.items() if why.startswith("none of")}
        full = free_in(clusters).less(CORE, now).fits(sorted(chosen), CORE)
        held = [any(name in now for name in tier) for tier in tiers]
        for at, tier in enumerate(tiers):
            if any(held[at + 1 :]):
                assert all(full[name] == 0 for name in tier if name in chosen)


@given(CLUSTERS, placements(), st.none() | st.integers(0, 60), st.randoms(use_true_random=False))
@up_to(100)
def test_the_order_of_keys_changes_nothing(
    clusters: list[Candidate], placement: dict[str, Any], replicas: int | None, random: Any
) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    other = shuffled(placement)
    entries = other["replicaScheduling"].get("staticWeights", [])
    other["replicaScheduling"] |= {"staticWeights": entries[::-1]} if entries else {}
    other["spreadConstraints"].reverse()
    assert placed(clusters, replicas, **other) == placed(clusters, replicas, **placement)


def _calls(clusters: int, workloads: int, **placement: Any) -> int:
    """How many calls of functions it takes to place workloads, one after the other."""
    many = [cluster(f"c{number}", f"r{number % 5}", 40 + number) for number in range(clusters)]
    declared = Placement.model_validate(placement)
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    free = free_in(many)
    sys.setprofile(counted)
    try:
        shared = groups(declared, many)
        for number in range(workloads):
            need = Need(number % 30, CORE)
            free = free.less(CORE, place_in(shared, declared, many, need, free).replicas or {})
    finally:
        sys.setprofile(None)
    return count


SCALED = [
    {},
    {"replicaScheduling": DYNAMIC},
    {
        "replicaScheduling": AGGREGATED,
        "spreadConstraints": [{"spreadByField": "region", "minGroups": 2, "maxGroups": 3}],
    },
    {"overflowAffinities": [region("a", "r1"), region("b", "r2"), {"affinityName": "c"}], "replicaScheduling": DYNAMIC},
]


@pytest.mark.parametrize("placement", SCALED)
def test_the_work_grows_in_line_with_workloads_and_clusters(placement: dict[str, Any]) -> None:
    base = _calls(40, 10, **placement)
    assert _calls(80, 10, **placement) < 2.3 * base
    assert _calls(40, 20, **placement) < 2.3 * base
