"""Workloads of a group go where the others are, or where none of them is."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.failover import decide, placed_by
from meshfleet.federation.propagated import propagations
from meshfleet.federation.reachability import Reachability
from meshfleet.topology import Fleet
from tests.examples import up_to
from tests.federation.propagating import Config, deployment, fleet_of, obj, of, pod, the, where

pytestmark = pytest.mark.proof("workloads go where others of their group are, or where they are not", step=0)

CLUSTERS = ("a", "b", "c", "d")
TOGETHER: Config = {"affinity": {"groupByLabelKey": "near"}}
APART: Config = {"antiAffinity": {"groupByLabelKey": "apart"}}
ONE: Config = {"spreadConstraints": [{"spreadByField": "cluster", "maxGroups": 1}]}


def bound(name: str, labels: Config, terms: Config, *clusters: str, **more: Config) -> Config:
    """A propagation of one Deployment with these labels."""
    affinity = {"clusterAffinity": {"clusterNames": [*clusters]}} if clusters else {}
    return of(deployment(name, labels=labels), placement={"workloadAffinity": terms, **affinity, **more})


def test_others_of_a_group_go_only_where_all_before_them_are() -> None:
    near = {"near": "shop"}
    fleet = fleet_of(
        first=bound("first", near, TOGETHER, "b", "c"),
        second=bound("second", near, TOGETHER, "c", "a"),
        third=bound("third", near, TOGETHER),
        other=bound("other", {"near": "store"}, TOGETHER, "a"),
        unlabelled=bound("unlabelled", {"far": "shop"}, TOGETHER),
    )
    assert where(fleet) == {
        "first": {"b", "c"},
        "second": {"c"},
        "third": {"c"},
        "other": {"a"},
        "unlabelled": {"a", "b", "c"},
    }
    assert the(fleet, "third").decision.left_out == {
        "a": "Deployment shop/first of the group near=shop is not there",
        "b": "Deployment shop/second of the group near=shop is not there",
    }
    assert propagations(fleet).notes == (
        "propagations.unlabelled.placement.workloadAffinity.affinity has no effect: no workload of the propagation has "
        "the label near",
    )


def test_no_other_of_a_group_goes_where_one_is() -> None:
    apart = {"apart": "shop"}
    fleet = fleet_of(
        first=bound("first", apart, APART, **ONE),
        # It is not bound by a label that its placement does not group by.
        free=of(deployment("free", labels=apart)),
        second=bound("second", apart, APART, **ONE),
        third=bound("third", apart, APART),
    )
    assert where(fleet) == {"first": {"a"}, "free": {"a", "b", "c"}, "second": {"b"}, "third": {"c"}}
    assert the(fleet, "second").decision.left_out == {
        "a": "another workload of the group apart=shop is there: Deployment shop/first",
        "c": "spread constraint on cluster: at most 1",
    }


def test_groups_are_within_a_namespace() -> None:
    elsewhere = deployment("second", labels={"apart": "shop"})
    elsewhere["metadata"]["namespace"] = "default"
    fleet = fleet_of(
        first=bound("first", {"apart": "shop"}, APART, "a"),
        second=of(elsewhere, placement={"workloadAffinity": APART}),
    )
    assert where(fleet)["second"] == {"a", "b", "c"}


def test_what_is_no_workload_goes_where_its_workload_goes() -> None:
    labels = {"apart": "shop"}
    service = obj("Service", "web", metadata={"labels": labels})
    fleet = fleet_of(
        first=bound("first", labels, APART, "a"),
        second=of(service, deployment("second", labels=labels), placement={"workloadAffinity": APART}),
    )
    assert where(fleet) == {"first": {"a"}, "web": {"b", "c"}, "second": {"b", "c"}}


def test_a_daemon_set_and_a_pod_are_workloads_too() -> None:
    labels = {"apart": "shop"}
    template = {"selector": {}, "template": {"spec": pod()}}
    agent = obj("DaemonSet", "agent", "apps/v1", metadata={"labels": labels}, spec=template)
    single = obj("Pod", "single", metadata={"labels": labels}, spec=pod())
    placement = {"workloadAffinity": APART} | ONE
    fleet = fleet_of(agents=of(agent, single, deployment("web", labels=labels), placement=placement))
    # Those with replicas are placed first.
    assert where(fleet) == {"web": {"a"}, "agent": {"b"}, "single": {"c"}}


def lost(*silent: str, of: tuple[str, ...] = CLUSTERS) -> dict[str, Reachability]:
    return {name: Reachability(name not in silent, 0, 0) for name in of}


def test_a_share_that_moves_displaces_no_other_workload() -> None:
    apart = {"apart": "shop"}
    failing: Config = {"failover": {"after": "60s"}}
    fleet = fleet_of(
        CLUSTERS,
        first=bound("first", apart, APART, **ONE) | failing,
        second=bound("second", apart, APART, **ONE) | failing,
        third=bound("third", apart, APART, **ONE),
    )
    assert where(fleet) == {"first": {"a"}, "second": {"b"}, "third": {"c"}}
    choice = decide(fleet, lost("a"), 100)
    assert where(placed_by(fleet, choice.evictions)) == {"first": {"d"}, "second": {"b"}, "third": {"c"}}
    # Where others belong no share goes, even if all but one cluster are left.
    choice = decide(fleet, lost("a", "d"), 100)
    assert choice.evictions == {}
    assert choice.staying["first"].startswith("cannot be placed without a, d (cannot be placed: no cluster is eligible")


def test_an_affinity_group_moves_as_one() -> None:
    near = {"near": "shop"}
    failing: Config = {"failover": {"after": "60s"}}
    fleet = fleet_of(
        CLUSTERS,
        first=bound("first", near, TOGETHER, **ONE) | failing,
        second=bound("second", near, TOGETHER) | failing,
    )
    assert where(fleet) == {"first": {"a"}, "second": {"a"}}
    choice = decide(fleet, lost("a"), 100)
    assert where(placed_by(fleet, choice.evictions)) == {"first": {"b"}, "second": {"b"}}
    assert where(placed_by(fleet, choice.evictions, {})) == {"first": {"a", "b"}, "second": {"a", "b"}}


GROUPS = st.dictionaries(st.sampled_from(["near", "apart"]), st.sampled_from(["x", "y"]))
SPREAD = st.sampled_from([{}, ONE, {"replicaScheduling": {"replicaSchedulingType": "Divided"}}])
PLACES = st.lists(st.sampled_from(CLUSTERS), unique=True)


@st.composite
def workloads(draw: st.DrawFn) -> dict[str, Config]:
    """Workloads that group by one label or both, or by none."""
    found: dict[str, Config] = {}
    for number in range(draw(st.integers(2, 5))):
        terms = draw(st.sampled_from([TOGETHER, APART, TOGETHER | APART]))
        name = f"w{number}"
        found[name] = bound(name, draw(GROUPS), terms, *draw(PLACES), **draw(SPREAD)) | {"failover": {}}
    return found


def assert_laws(config: dict[str, Config], fleet: Fleet) -> None:
    wrong = {fault.path.split(".")[1] for fault in propagations(fleet).faults}
    there = {one.propagation: {*one.decision.clusters} for one in propagations(fleet).objects}
    for first, second in combinations([name for name in config if name not in wrong], 2):
        if grouped(config[first], "affinity") & grouped(config[second], "affinity"):
            assert there[second] <= there[first]
        if grouped(config[first], "antiAffinity") & grouped(config[second], "antiAffinity"):
            assert not there[first] & there[second]


def grouped(one: Config, key: str) -> set[tuple[str, str]]:
    term = one["placement"]["workloadAffinity"].get(key)
    labels = one["resources"][0]["object"]["metadata"].get("labels", {})
    label = term["groupByLabelKey"] if term else ""
    return {(label, labels[label])} if label in labels else set()


@given(workloads(), st.data())
@up_to(80)
def test_groups_are_together_and_apart_whatever_is_lost(config: dict[str, Config], data: st.DataObject) -> None:
    fleet = fleet_of(CLUSTERS, **config)
    assert_laws(config, fleet)
    evicted = data.draw(st.dictionaries(st.sampled_from(sorted(config)), st.sampled_from(CLUSTERS)))
    after = placed_by(fleet, {name: {cluster: "now"} for name, cluster in evicted.items()})
    assert_laws(config, after)
    for name, cluster in evicted.items():
        assert cluster not in where(after).get(name, set())
