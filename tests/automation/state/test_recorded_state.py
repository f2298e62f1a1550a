"""What is recorded of a stack, and what is left of it without a cluster: nothing that the engine would refuse."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from meshfleet.automation.state.recorded_state import (
    belonging_to,
    clusters_of,
    description_of,
    embedded_clusters_of,
    gone_with,
    without,
    without_description,
)
from tests.automation.recorded_states import CLUSTERS, damage, name_of, names, recorded

pytestmark = pytest.mark.proof("a dead member is forgotten with one flag, and no peer refers to it any more", step=0)

SOME = [chosen for count in (1, 2, 3) for chosen in combinations(CLUSTERS, count)]


def forgotten(*clusters: str) -> dict[str, Any]:
    state = recorded()
    for cluster in clusters:
        state = without(state, belonging_to(state, cluster))
    return without_description(state, clusters)


def test_the_recorded_state_is_one_that_the_engine_takes() -> None:
    assert damage(recorded()) == []
    assert len(recorded()["resources"]) > 60


def test_clusters_are_known_by_what_is_recorded_of_them() -> None:
    assert clusters_of(recorded()) == CLUSTERS
    assert {name: name_of(urn) for name, urn in embedded_clusters_of(recorded()).items()} == {
        name: f"{name}/processes" for name in CLUSTERS
    }
    description = description_of(recorded())
    assert description is not None
    assert {cluster["name"] for cluster in description["clusters"]} == set(CLUSTERS)


@pytest.mark.parametrize("state", [{}, {"resources": None}, {"resources": []}])
def test_a_stack_that_was_never_up_knows_nothing(state: dict[str, Any]) -> None:
    assert clusters_of(state) == ()
    assert embedded_clusters_of(state) == {}
    assert description_of(state) is None


def test_a_cluster_of_which_only_the_beginning_is_recorded_is_known() -> None:
    state = recorded()
    state["resources"] = [resource for resource in state["resources"] if not resource["custom"]]
    assert clusters_of(state) == CLUSTERS


@pytest.mark.parametrize("clusters", SOME, ids="+".join)
def test_without_any_clusters_the_state_is_still_one_that_the_engine_takes(clusters: tuple[str, ...]) -> None:
    state = forgotten(*clusters)
    assert damage(state) == []
    assert clusters_of(state) == tuple(name for name in CLUSTERS if name not in clusters)
    text = json.dumps(state)
    for cluster in clusters:
        assert f"::{cluster}/" not in text
        assert f'"name": "{cluster}"' not in text


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_belongs_to_others_stays(cluster: str) -> None:
    before, after = recorded(), forgotten(cluster)
    assert names(after) == {name for name in names(before) if not name.startswith(f"{cluster}/")}
    if cluster != "hub":
        # `hub` hosts the control plane of `shop`, in objects of its own; the next run removes them where they are.
        assert {name for name in names(after) if name.startswith("hub/external-shop-")} == {
            f"hub/external-shop-{what}" for what in ("namespace", "cacerts", "kubeconfig", "istiod")
        }


def test_a_stack_of_the_same_name_as_a_cluster_keeps_its_own() -> None:
    kept = {name_of(resource["urn"]) for resource in forgotten("west")["resources"] if not resource["custom"]}
    assert {"meshfleet-west", "west"} <= kept
    types = [resource["type"] for resource in forgotten("west")["resources"] if name_of(resource["urn"]) == "west"]
    assert types == ["meshfleet:components:Fleet"]


def test_what_only_the_clusters_provider_could_reach_goes_too_whatever_it_is_called() -> None:
    state = recorded()
    stray = next(resource for resource in state["resources"] if name_of(resource["urn"]) == "west/cacerts")
    stray["urn"] = stray["urn"].replace("::west/cacerts", "::stray")
    assert stray["urn"] in belonging_to(state, "west")


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_with_a_cluster_goes_what_is_in_it_and_its_provider_and_its_trust_stay(cluster: str) -> None:
    state = recorded()
    gone = gone_with(state, embedded_clusters_of(state)[cluster])
    left = without(state, gone)
    assert damage(left) == []
    kept = {name for name in names(left) if name.startswith(f"{cluster}/")}
    # What is not in the cluster is not gone with it.
    assert kept == {f"{cluster}/{what}" for what in ("istiod-address", "intermediate", "istiod-process", "kubernetes")}
    assert all(name_of(urn).startswith(f"{cluster}/") for urn in gone)


def test_operations_that_are_pending_in_it_are_forgotten_too() -> None:
    state = recorded()
    urns = belonging_to(state, "west")
    pending = [{"resource": {"urn": urn}, "type": "creating"} for urn in (*sorted(urns)[:2], "urn:other")]
    left = without(state | {"pending_operations": pending}, urns)
    assert [operation["resource"]["urn"] for operation in left["pending_operations"]] == ["urn:other"]
    assert "pending_operations" not in without(state, urns)


def test_the_state_that_is_given_stays_as_it_is() -> None:
    state = recorded()
    without_description(without(state, belonging_to(state, "west")), ["west"])
    assert state == recorded()
