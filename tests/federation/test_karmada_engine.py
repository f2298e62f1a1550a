"""Both engines bring the same objects to every cluster, and Karmada's API takes what is compiled for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from meshfleet.manifests import Document, Release, cluster_plan
from meshfleet.manifests.addition_faults import checked
from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.manifests.section import KARMADA
from meshfleet.topology import Fleet, load
from meshfleet.topology.federation import Federation
from meshfleet.topology.propagation.kinds import NAMESPACE, key_of, kind_of
from meshfleet.topology.propagation.propagation import Propagation
from tests.examples import up_to
from tests.federation.karmada_declarations import (
    DECLARATIONS,
    FLEET,
    stack,
)
from tests.federation.karmada_schemas import SCHEMAS
from tests.federation.karmada_simulator import OWN_GROUPS, Karmada, as_seen
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=0)

Object = dict[str, Any]
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}


def in_karmada(fleet: Fleet) -> list[Document]:
    return [document for document in cluster_plan(fleet, fleet.host) if document.server == KARMADA]


def bodies(fleet: Fleet) -> list[Object]:
    return [document.body for document in in_karmada(fleet) if not isinstance(document.body, Release)]


def direct(fleet: Fleet) -> dict[str, dict[tuple[str, str, str, str], Object]]:
    """What the direct engine brings to each cluster."""
    found: dict[str, dict[tuple[str, str, str, str], Object]] = {}
    for cluster in fleet.clusters:
        made = found.setdefault(cluster, {})
        for body in propagated_documents(fleet, cluster).values():
            key = key_of(body)
            made[body["apiVersion"], key.kind, key.namespace, key.name] = as_seen(body)
    return found


def without_namespaces(fleet: Fleet) -> Iterator[tuple[str, Propagation]]:
    """The propagations with what Karmada is not given left out."""
    for name, declared in fleet.propagations.items():
        kept = tuple(one for one in declared.resources if kind_of(one.body) != NAMESPACE)
        if kept:
            yield name, declared.with_objects(kept, ())


def assert_alike(fleet: Fleet) -> None:
    """Whatever identity Karmada gives to objects, by which it breaks ties."""
    expected, objects = direct(fleet), bodies(fleet)
    for backwards in (False, True):
        members = Karmada(objects, backwards).members()
        assert {name: {key: as_seen(body) for key, body in made.items()} for name, made in members.items()} == expected


def assert_taken(objects: list[Object]) -> None:
    for body in objects:
        if body["apiVersion"] in OWN_GROUPS:
            assert list(VALIDATORS[body["kind"]].iter_errors(body)) == []


@pytest.mark.parametrize("name", DECLARATIONS)
def test_both_engines_bring_the_same_objects_everywhere(name: str) -> None:
    fleet = checked(load("shop", stack(name)))
    assert any(direct(fleet).values())
    assert_alike(fleet)
    assert_taken(bodies(fleet))


def test_there_are_forty_declarations_and_they_go_together() -> None:
    assert len(DECLARATIONS) >= 40
    fleet = checked(load("shop", stack()))
    assert_alike(fleet)
    assert_taken(bodies(fleet))


def test_with_live_scheduling_the_declaration_is_handed_on() -> None:
    federation = {"engine": "karmada", "karmada": FLEET["federation"]["karmada"] | {"scheduling": "live"}}
    fleet = checked(load("shop", stack() | {"federation": federation}))
    objects = bodies(fleet)
    assert_taken(objects)
    placements = {
        body["spec"]["resourceSelectors"][0]["name"]: body["spec"]["placement"]
        for body in objects
        if body["kind"] == "PropagationPolicy"
    }
    assert placements["dynamic"]["replicaScheduling"]["weightPreference"] == {"dynamicWeight": "AvailableReplicas"}
    assert placements["aggregated"]["replicaScheduling"]["replicaDivisionPreference"] == "Aggregated"
    assert [one["spreadByField"] for one in placements["one-region"]["spreadConstraints"]] == ["region", "cluster"]
    # Karmada has no word for it.
    assert placements["one-tier"]["clusterAffinity"] == {"clusterNames": ["east", "west"]}


def test_propagations_without_failover_stay_and_those_with_it_move() -> None:
    fleet = checked(load("shop", stack("moves-when-a-cluster-is-lost", "by-name")))
    specs = {body["metadata"]["name"]: body["spec"] for body in bodies(fleet) if body["kind"] == "PropagationPolicy"}
    taints = [body["spec"]["taints"] for body in bodies(fleet) if body["kind"] == "ClusterTaintPolicy"]
    assert taints == [[{"key": "meshfleet/unreachable", "effect": "NoExecute"}]]
    moving, staying = (
        next(spec for name, spec in specs.items() if name.startswith(start)) for start in ("moves", "by-name")
    )
    tolerated = {"key": "meshfleet/unreachable", "operator": "Exists", "effect": "NoExecute"}
    assert moving["placement"]["clusterTolerations"] == [tolerated | {"tolerationSeconds": 90}]
    assert moving["failover"] == {"cluster": {"purgeMode": "Gracefully"}}
    assert staying["placement"]["clusterTolerations"] == [tolerated]
    assert "failover" not in staying


@up_to(15)
@given(loaded_fleets())
def test_any_propagation_is_alike_with_both_engines(fleet: Fleet) -> None:
    federation = Federation.model_validate(FLEET["federation"])
    fleet = fleet.model_copy(update={"federation": federation, "propagations": dict(without_namespaces(fleet))})
    assert_alike(fleet)
    assert_taken(bodies(fleet))
