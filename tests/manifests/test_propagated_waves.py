"""A change of propagated objects reaches clusters wave by wave, wherever a run was interrupted."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.federation.candidates import Candidate
from meshfleet.federation.waves import waves
from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.manifests.propagated_mark import Mark, mark_of
from meshfleet.manifests.propagated_waves import WaveStep, wave_steps
from meshfleet.topology import Fleet, load
from meshfleet.topology.additions import Additions
from meshfleet.topology.propagation.rollout import Rollout

pytestmark = pytest.mark.proof("a change of propagated objects is rolled out in waves", step=0)

NAMES = ("a", "b", "c", "d", "e", "f")
WAVES = [{"targetClusters": {"regions": ["eu"]}}, {"clusters": 2}]
"""Over these clusters: c and d, then a and b, then the others."""
WAY = (("c", "d"), ("a", "b"), ("e", "f"))
Recorded = dict[str, dict[str, Mark]]


def config_map(name: str, version: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"version": version},
    }


@cache
def fleet(version: str, *, without: str = "", **rollout: Any) -> Fleet:
    """One propagation in waves, and one that is not."""
    clusters: dict[str, Any] = {
        name: {"embedded": {}, "network": f"n-{name}", "region": "eu" if name in "cd" else "us"} for name in NAMES
    }
    placed = {"clusterAffinity": {"excludeClusters": [without]}} if without else {}
    return load(
        "dev",
        {
            "host": "a",
            "networks": {f"n-{name}": {} for name in NAMES},
            "clusters": clusters,
            "propagations": {
                "web": {
                    "resources": [{"object": config_map(name, version)} for name in ("web", "more")],
                    "placement": placed,
                    "rollout": {"waves": WAVES} | rollout,
                },
                "other": {"resources": [{"object": config_map("other", version)}]},
            },
        },
    )


def marks(of: Fleet) -> Recorded:
    return copy.deepcopy(of.derived(_marks))


def _marks(of: Fleet) -> Recorded:
    """What a state has of a fleet that is up."""
    return {
        cluster: {name: mark for name, body in propagated_documents(of, cluster).items() if (mark := mark_of(body))}
        for cluster in of.clusters
    }


def taken(step: WaveStep, recorded: Recorded, target: Fleet) -> Recorded:
    """What a state has after a step that was not interrupted."""
    wanted, found = marks(target), copy.deepcopy(recorded)
    for cluster in NAMES:
        for document in {*found[cluster], *wanted[cluster]} - step.held.get(cluster, frozenset()):
            found[cluster].pop(document, None)
            if document in wanted[cluster]:
                found[cluster][document] = wanted[cluster][document]
    return found


def of_web(there: dict[str, Mark]) -> dict[str, Mark]:
    """What is in waves."""
    return {document: mark for document, mark in there.items() if mark.propagation == "web"}


def at(version: str, recorded: Recorded, document: str = "propagation-web-configmap-default-web") -> set[str]:
    """The clusters that have a version of an object."""
    wanted = marks(fleet(version))
    return {name for name in NAMES if recorded[name].get(document) == wanted[name][document]}


def test_waves_are_of_selectors_of_numbers_and_of_shares_and_the_rest_is_the_last() -> None:
    clusters = [Candidate(name, region="eu" if name in "cd" else "us") for name in NAMES]

    def of(*declared: Any) -> tuple[tuple[str, ...], ...]:
        return waves(Rollout.model_validate({"waves": declared}), clusters)

    assert of(*WAVES) == WAY
    assert of({"percent": "10%"}, {"percent": "50%"}) == (("a",), ("b", "c", "d"), ("e", "f"))
    assert of({"percent": "100%"}) == (NAMES,)
    assert of({"targetClusters": {"clusterNames": ["f"]}}, {"targetClusters": {}}) == (("f",), NAMES[:-1])


def test_each_step_moves_one_wave_and_what_is_not_in_waves_moves_at_once() -> None:
    target, recorded = fleet("2"), marks(fleet("1"))
    steps = wave_steps(target, recorded)
    assert [step.name for step in steps] == [
        "wave 1 of 3 of web (c, d)",
        "wave 2 of 3 of web (a, b)",
        "wave 3 of 3 of web (e, f)",
    ]
    assert [step.awaited for step in steps] == [{"web": wave} for wave in WAY]
    moved: set[str] = set()
    for step, wave in zip(steps, WAY, strict=True):
        recorded = taken(step, recorded, target)
        moved |= set(wave)
        assert at("2", recorded) == moved
        assert at("1", recorded) == set(NAMES) - moved
        assert at("2", recorded, "propagation-other-configmap-default-other") == set(NAMES)
    assert recorded == marks(target)
    assert wave_steps(target, recorded) == ()


@settings(max_examples=30)
@given(st.integers(0, 3), st.lists(st.sampled_from(NAMES), unique=True), st.booleans())
def test_a_run_after_any_interruption_goes_on_with_the_wave_that_was_under_way(
    steps: int, reached: list[str], newer: bool
) -> None:
    target, recorded = fleet("2"), marks(fleet("1"))
    for step in wave_steps(target, recorded)[:steps]:
        recorded = taken(step, recorded, target)
    if steps < len(WAY):
        # Of the wave that was under way some clusters have it, or one object of it.
        for name in set(reached) & set(WAY[steps]):
            recorded[name] = marks(target)[name]
    if newer:
        # The stack file was changed meanwhile: all waves are to be taken.
        target = fleet("3")
    order: list[str] = []
    left = wave_steps(target, recorded)
    for step in left:
        before, recorded = recorded, taken(step, recorded, target)
        changed = {name for name in NAMES if of_web(before[name]) != of_web(recorded[name])}
        assert changed <= {name for each in step.moves.values() for name in each}
        order += [name for wave in WAY for name in wave if name in changed]
    assert recorded == marks(target)
    assert order == [name for wave in WAY for name in wave if name in order]
    if left and steps > 0 and not newer:
        # What earlier waves have must be healthy before anything moves.
        waiting = set(left[0].awaited["web"])
        assert waiting >= {name for wave in WAY[:steps] for name in wave}
        assert not left[0].moves


def test_a_cluster_that_leaves_loses_its_objects_in_its_wave() -> None:
    target, recorded = fleet("2", without="a"), marks(fleet("1"))
    first, second, _ = wave_steps(target, recorded)
    recorded = taken(first, recorded, target)
    assert len(recorded["a"]) == 3
    recorded = taken(second, recorded, target)
    assert list(recorded["a"]) == ["propagation-other-configmap-default-other"]


def test_a_first_creation_is_in_waves_only_where_that_is_asked() -> None:
    nothing: Recorded = {name: {} for name in NAMES}
    assert wave_steps(fleet("1"), nothing) == ()
    assert len(wave_steps(fleet("1", firstCreation=True), nothing)) == 3
    assert wave_steps(fleet("1", firstCreation=True), {}) != ()


def test_a_rollout_that_pauses_says_so_after_each_wave_but_the_last() -> None:
    steps = wave_steps(fleet("2", pause=True), marks(fleet("1")))
    assert [step.pauses for step in steps] == [("web",), ("web",), ()]


def test_what_would_wait_for_something_that_is_held_is_held_too() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.web.example"},
        "spec": {"group": "web.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"}}
        | {"versions": [{"name": "v1", "served": True, "storage": True}]},
    }
    thing = {"apiVersion": "web.example/v1", "kind": "Thing", "metadata": {"name": "one"}}
    target = load(
        "dev",
        {
            "host": "a",
            "networks": {"n": {}, "m": {}},
            "clusters": {"a": {"embedded": {}, "network": "n"}, "b": {"embedded": {}, "network": "m"}},
            "propagations": {
                "things": {"resources": [{"object": thing}]},
                "definitions": {
                    "resources": [{"object": definition}],
                    "rollout": {"waves": [{"clusters": 1}], "firstCreation": True},
                },
            },
        },
    )
    first, _ = wave_steps(target, {})
    assert {cluster: len(documents) for cluster, documents in first.held.items()} == {"b": 2}


def test_a_cluster_that_is_rolled_back_gets_exactly_what_was_recorded_and_no_other_does() -> None:
    # What was added to the recorded objects is in them, and is not added once more.
    added = Additions.model_validate({"annotations": {"example.com/team": "shop"}})
    old, new = fleet("1").model_copy(update={"additions": added}), fleet("2").model_copy(update={"additions": added})
    before = {name: body for name, body in propagated_documents(old, "a").items() if "-web-" in name}
    without = new.model_copy(update={"additions": Additions()})
    back = without.model_copy(update={"restored": {"web": {"a": before, "b": {}}}})
    found = propagated_documents(back, "a")
    assert {name: body for name, body in found.items() if "-web-" in name} == before
    declared = propagated_documents(without, "a")
    assert {name: body for name, body in found.items() if "-other-" in name} == {
        name: body for name, body in declared.items() if "-other-" in name
    }
    # A cluster that had nothing before has nothing again.
    assert [name for name in propagated_documents(back, "b") if "-web-" in name] == []
    assert propagated_documents(back, "c") == propagated_documents(without, "c")
    assert propagated_documents(new.model_copy(update={"restored": back.restored}), "a").keys() == found.keys()
