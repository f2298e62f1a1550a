"""Failover decides by how long a cluster answers or does not: nothing moves early, and no share is ever nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.failover import Transfer, decide, moves, placed_by, transfer
from meshfleet.federation.propagated import propagations
from meshfleet.federation.reachability import GAP_SECONDS, Reachability, after_looks, looked
from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import Fleet, load
from tests.examples import up_to

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=0)

Config = dict[str, Any]
NAMES = ("a", "b", "c")
AFTER, RECOVER = 60, 120
REPLICAS = 6


def config_map(name: str = "settings") -> Config:
    described = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described}


def deployment() -> Config:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "shop/web:1"}]}}
    return config_map("web") | {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": pod},
    }


def fleet(*objects: Config, clusters: tuple[str, ...] = NAMES, failover: Config | None = None, **more: Any) -> Fleet:
    """Clusters, and one propagation that fails over."""
    declared = {"after": f"{AFTER}s", "recover": f"{RECOVER}s"} if failover is None else failover
    config = {
        "host": clusters[0],
        "networks": {f"n-{name}": {} for name in clusters},
        "clusters": {name: {"embedded": {}, "network": f"n-{name}"} for name in clusters},
        "namespaces": {"shop": {}},
        "propagations": {
            "web": {"resources": [{"object": one} for one in objects or (deployment(),)], "failover": declared, **more}
        },
    }
    return checked(load("test", config))


def in_order(*names: str) -> Config:
    affinities = [{"affinityName": f"in-{name}", "clusterNames": [name]} for name in names]
    return {"clusterAffinities": affinities, "replicaScheduling": {"replicaSchedulingType": "Divided"}}


DIVIDED: Config = {"replicaScheduling": {"replicaSchedulingType": "Divided"}}


def seen(*silent: str, since: float = 0, of: tuple[str, ...] = NAMES) -> dict[str, Reachability]:
    """What is known when these do not respond since then, and all others do."""
    return {name: Reachability(name not in silent, since, since) for name in of}


def shares(found: Fleet) -> dict[str, int]:
    """The replicas of the Deployment by cluster."""
    (one,) = [one for one in propagations(found).objects if one.key.kind == "Deployment"]
    return one.replicas or {}


def test_a_share_moves_once_no_response_was_seen_for_after() -> None:
    declared = fleet(placement=in_order("b", "c"))
    assert decide(declared, seen("b"), AFTER - 1).evictions == {}
    assert decide(declared, seen("b"), AFTER).evictions == {"web": {"b": "1970-01-01T00:00:00Z"}}
    moved = placed_by(declared, decide(declared, seen("b"), AFTER).evictions)
    assert (shares(declared), shares(moved)) == ({"b": REPLICAS}, {"c": REPLICAS})
    left_out = propagations(moved).objects[0].decision.left_out
    assert left_out["b"] == "its share is elsewhere, no response since 1970-01-01T00:00:00Z"


def test_nothing_moves_without_failover_and_no_toleration_prevents_it() -> None:
    tolerating = in_order("b", "c") | {"clusterTolerations": [{"operator": "Exists"}]}
    assert decide(fleet(placement=tolerating), seen("b"), AFTER).evictions
    without = fleet(placement=tolerating).propagations["web"].model_copy(update={"failover": None})
    declared = fleet(placement=tolerating).model_copy(update={"propagations": {"web": without}})
    assert decide(declared, seen("b"), 10 * AFTER).evictions == {}


def test_where_no_cluster_answers_nothing_moves() -> None:
    choice = decide(fleet(placement=in_order("b", "c")), seen(*NAMES), 10 * AFTER)
    assert choice.evictions == {}
    assert choice.staying == {"": "no cluster responds, so that it may be this machine that is cut off"}


def test_a_share_without_another_home_stays_and_has_the_reason() -> None:
    choice = decide(fleet(placement=in_order("b")), seen("b"), AFTER)
    assert choice.evictions == {}
    assert choice.staying["web"].startswith("cannot be placed without b (")
    # In every cluster there are all of them already.
    everywhere = decide(fleet(), seen("b"), AFTER)
    assert (everywhere.evictions, everywhere.staying) == (
        {},
        {"web": "has no share in b that others do not have"},
    )
    elsewhere = decide(fleet(placement=in_order("a")), seen("b"), AFTER)
    assert (elsewhere.evictions, elsewhere.staying) == ({}, {})


def test_clusters_that_are_lost_together_are_left_together() -> None:
    declared = fleet(placement=in_order("b", "c", "a"))
    choice = decide(declared, seen("b", "c"), AFTER)
    assert choice.evictions["web"].keys() == {"b", "c"}
    assert shares(placed_by(declared, choice.evictions)) == {"a": REPLICAS}


def test_a_share_comes_back_after_recover_and_never_where_it_says_so() -> None:
    evicted = {"web": {"b": "2028-11-22T04:51:12Z"}}
    away = placed_by(fleet(placement=in_order("b", "c")), evicted)
    assert decide(away, seen(), RECOVER - 1).evictions == evicted
    assert decide(away, seen(), RECOVER).evictions == {}
    assert decide(away, seen("b"), 10 * RECOVER).evictions == evicted
    assert decide(away, seen(), 0, recovered=["b"]).evictions == {}
    assert decide(away, seen("b"), 0, recovered=["b"]).evictions == evicted
    never = fleet(placement=in_order("b", "c"), failover={"after": "1m", "recover": "Never"})
    assert decide(placed_by(never, evicted), seen(), 10 * RECOVER).evictions == evicted
    default = fleet(placement=in_order("b", "c"), failover={"after": "1m"})
    assert decide(placed_by(default, evicted), seen(), 60).evictions == {}


def test_the_new_home_has_its_share_before_the_old_copy_is_taken_away() -> None:
    declared = fleet(deployment(), config_map(), placement=in_order("b", "c"))
    way = transfer(declared, {"web": {"b": "x"}})
    assert (shares(way.both), shares(way.new)) == ({"b": REPLICAS, "c": REPLICAS}, {"c": REPLICAS})
    assert [(one.one.key.kind, one.cluster) for one in way.gained] == [("Deployment", "c"), ("ConfigMap", "c")]
    assert [(one.one.key.kind, one.cluster) for one in way.lost] == [("Deployment", "b"), ("ConfigMap", "b")]


def test_a_move_that_is_given_up_takes_back_what_it_gave() -> None:
    declared = fleet(placement=in_order("b", "c"))
    under_way = placed_by(declared, {"web": {"b": "x"}}, {})
    way = transfer(under_way, {})
    assert way.gained == ()
    assert [(one.cluster, one.gains) for one in way.lost] == [("c", False)]


def test_what_is_not_evicted_stays_beside_the_new_copy() -> None:
    declared = fleet(placement=in_order("b", "c"), failover={"after": "1m", "evict": False})
    way = transfer(declared, decide(declared, seen("b"), AFTER).evictions)
    assert shares(way.new) == {"b": REPLICAS, "c": REPLICAS}
    assert way.lost == ()
    back = transfer(way.new, {})
    assert (back.gained, [one.cluster for one in back.lost]) == ((), ["c"])


def test_another_propagation_that_gives_way_is_part_of_the_move() -> None:
    """Capacity is shared: what moves may take the place of what stands after it."""
    declared = fleet(placement=DIVIDED | {"clusterAffinity": {"clusterNames": ["a", "b"]}})
    moved = placed_by(declared, {"web": {"b": "x"}})
    assert [(one.cluster, one.before, one.after) for one in moves(declared, moved)] == [("a", 3, 6), ("b", 3, 0)]


def test_a_gap_and_a_clock_that_goes_back_begin_anew() -> None:
    first = looked(None, 1000, answers=False)
    assert looked(first, 1060, answers=False).seconds(1060) == 60
    assert looked(first, 1060, answers=True) == Reachability(True, 1060, 1060)
    assert looked(first, 1001 + GAP_SECONDS, answers=False).seconds(1001 + GAP_SECONDS) == 0
    assert looked(first, 900, answers=False) == Reachability(False, 900, 900)


def held(way: Fleet, answers: Mapping[str, bool], before: Mapping[str, int]) -> dict[str, int]:
    """What clusters hold once those that answer have what a placement gives them."""
    wanted = shares(way)
    found = {name: wanted.get(name, 0) if answers[name] else before.get(name, 0) for name in NAMES}
    return {name: count for name, count in found.items() if count}


ROUNDS = st.lists(
    st.tuples(
        st.sampled_from([1, 10, 30, 70, 2000, -100]),
        st.fixed_dictionaries({name: st.booleans() for name in NAMES}),
        st.sampled_from(["ready", "ready", "ready", "never ready"]),
    ),
    max_size=16,
)
PLACEMENTS = st.sampled_from([in_order(*NAMES), in_order("b", "c"), DIVIDED])


@given(ROUNDS, PLACEMENTS)
@up_to(40)
def test_whatever_answers_no_share_moves_early_and_no_replica_is_missing(rounds: list[Any], placement: Config) -> None:
    declared = fleet(placement=placement)
    now, looks, current = 10_000.0, dict[str, Reachability](), declared
    running = shares(declared)
    unanswered: dict[str, float] = {}
    for step, answers, outcome in rounds:
        now += step
        for name, found in answers.items():
            unanswered[name] = now if found else min(unanswered.get(name, now), now)
        looks = after_looks(looks, now, answers)
        choice = decide(current, looks, now)
        for name in choice.evictions.get("web", {}).keys() - current.evictions.get("web", {}).keys():
            assert not answers[name]
            assert now - unanswered[name] >= AFTER
        way = transfer(current, choice.evictions)
        if not all(answers[one.cluster] for one in way.gained):
            continue
        running = _moved(way, answers, running, outcome)
        current = way.both if outcome == "never ready" and way.gained else way.new
        assert sum(running.values()) >= REPLICAS
        assert sum(shares(way.new).values()) == REPLICAS
    # All answer from now on.
    answers = dict.fromkeys(NAMES, True)
    for _ in range(2 + RECOVER // 10):
        now += 10
        looks = after_looks(looks, now, answers)
        way = transfer(current, decide(current, looks, now).evictions)
        running, current = _moved(way, answers, running, "ready"), way.new
        assert sum(running.values()) >= REPLICAS
    assert current.evictions == {}
    assert running == shares(declared)


def _moved(way: Transfer, answers: Mapping[str, bool], running: Mapping[str, int], outcome: str) -> dict[str, int]:
    first = held(way.both, answers, running)
    assert sum(first.values()) >= REPLICAS
    return first if outcome == "never ready" and way.gained else held(way.new, answers, first)


@given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=40), PLACEMENTS)
@up_to(20)
def test_clusters_that_answer_now_and_then_keep_what_they_have(silent: list[str], placement: Config) -> None:
    """One is silent at each look, a minute after the last, and never twice in a row."""
    declared = fleet(placement=placement)
    away = placed_by(declared, {"web": {"b": "x"}}) if placement != in_order("b", "c") else declared
    looks: dict[str, Reachability] = {}
    for number, name in enumerate(silent):
        one = name if number == 0 or silent[number - 1] != name else ""
        looks = after_looks(looks, 30.0 * number, {each: each != one for each in NAMES})
        assert set(decide(declared, looks, 30.0 * number).evictions) == set()
        assert set(decide(away, looks, 30.0 * number).evictions) <= set(away.evictions)
