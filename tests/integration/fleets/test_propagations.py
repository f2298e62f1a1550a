"""Propagated objects on real API servers: each member has what the placement says, and loses exactly what left it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.testing import FleetUnderTest, bring_up
from meshfleet.topology import read_stack_file
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("propagated objects go where their placement says", step=2),
]

EXAMPLE, STACK = "examples/federation", "federated"
CLUSTERS = ("paris", "dublin", "ohio")
KINDS = "deployments,services,configmaps,catalogs.shop.example"
OURS = "app.kubernetes.io/managed-by=meshfleet"
Held = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def config(clone: Clone) -> dict[str, Any]:
    """The example, which the tests change one after the other."""
    found: dict[str, Any] = json.loads(json.dumps(read_stack_file(clone.root / "stacks", EXAMPLE).config))
    return found


@pytest.fixture(scope="module")
def fleet(clone: Clone, config: dict[str, Any]) -> Iterator[FleetUnderTest]:
    """The example, up."""
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


def held(fleet: FleetUnderTest, cluster: str) -> Held:
    """What a member has of the stack in the namespace of the application, and the definition, by kind and name."""
    found = fleet.get(cluster, KINDS, "--namespace", "shop", "--selector", OURS)["items"]
    found += fleet.get(cluster, "crds", "--selector", OURS)["items"]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def all_held(fleet: FleetUnderTest) -> dict[str, Held]:
    return {cluster: held(fleet, cluster) for cluster in CLUSTERS}


def versions(found: Held) -> dict[tuple[str, str], tuple[str, str]]:
    """Which object each is, and its version; of Deployments, whose status goes on, that of what is declared."""
    return {
        key: (
            each["metadata"]["uid"],
            str(each["metadata"]["generation" if key[0] == "Deployment" else "resourceVersion"]),
        )
        for key, each in found.items()
    }


def placed(fleet: FleetUnderTest) -> dict[str, dict[tuple[str, str], int | None]]:
    """What `meshfleet placement` says of each cluster: kind and name, with replicas."""
    objects = fleet.run("placement").report["objects"]
    return {
        cluster: {
            (one["kind"], one["name"]): one["clusters"][cluster].get("replicas")
            for one in objects
            if cluster in one["clusters"]
        }
        for cluster in CLUSTERS
    }


def assert_as_placed(fleet: FleetUnderTest) -> None:
    for cluster, expected in placed(fleet).items():
        found = held(fleet, cluster)
        assert found.keys() == expected.keys(), cluster
        assert {key: each["spec"].get("replicas") for key, each in found.items() if key[0] == "Deployment"} == {
            key: replicas for key, replicas in expected.items() if replicas is not None
        }


def image(found: Held, name: str) -> str:
    return str(found["Deployment", name]["spec"]["template"]["spec"]["containers"][0]["image"])


def changed(clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]) -> None:
    """Write the changed stack and bring it up."""
    clone.write_stack(STACK, config)
    fleet.up()


def test_each_member_has_exactly_what_the_placement_says(fleet: FleetUnderTest) -> None:
    assert_as_placed(fleet)
    found = all_held(fleet)
    assert image(found["paris"], "frontend") == "eu.registry.example/shop/frontend:1.4"
    assert image(found["ohio"], "frontend-next") == "registry.example/shop/frontend:1.5"
    currencies = {cluster: found[cluster]["Catalog", "main"]["spec"]["currency"] for cluster in CLUSTERS}
    assert currencies == {"paris": "EUR", "dublin": "EUR", "ohio": "USD"}
    assert "currency: USD" in found["ohio"]["ConfigMap", "settings"]["data"]["settings.yaml"]
    assert "currency: EUR" in found["paris"]["ConfigMap", "settings"]["data"]["settings.yaml"]


def test_a_second_up_has_nothing_to_do_and_the_fleet_is_verified(fleet: FleetUnderTest) -> None:
    assert fleet.preview() == []
    assert fleet.drift() == []
    before = {cluster: versions(found) for cluster, found in all_held(fleet).items()}
    fleet.up()
    assert {cluster: versions(found) for cluster, found in all_held(fleet).items()} == before
    fleet.verify()


def test_a_changed_override_changes_its_clusters_alone(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    before = {cluster: versions(found) for cluster, found in all_held(fleet).items()}
    (settings,) = config["propagations"]["settings"]["overrides"][0]["fields"]
    settings["json"][0]["value"] = "CAD"
    changed(clone, fleet, config)
    after = all_held(fleet)
    assert "currency: CAD" in after["ohio"]["ConfigMap", "settings"]["data"]["settings.yaml"]
    differing = {
        (cluster, *key)
        for cluster, found in after.items()
        for key, version in versions(found).items()
        if before[cluster][key] != version
    }
    assert differing == {("ohio", "ConfigMap", "settings")}


def test_a_member_that_leaves_a_placement_loses_exactly_what_it_got(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    before = {cluster: versions(found) for cluster, found in all_held(fleet).items()}
    moved = config["propagations"]["frontend"]["placement"]
    moved["clusterAffinity"] = {"clusterNames": ["paris"]}
    moved["replicaScheduling"] = {"replicaSchedulingType": "Divided"}
    changed(clone, fleet, config)
    assert_as_placed(fleet)
    after = {cluster: versions(found) for cluster, found in all_held(fleet).items()}
    left = {("Deployment", "frontend"), ("Service", "frontend")}
    assert after["dublin"] == {key: version for key, version in before["dublin"].items() if key not in left}
    assert after["ohio"] == before["ohio"]
    assert {key for key in after["paris"] if after["paris"][key] != before["paris"][key]} == {
        ("Deployment", "frontend")
    }
    # All nine replicas are in one cluster now, by a change of the Deployment that was there.
    assert after["paris"]["Deployment", "frontend"][0] == before["paris"]["Deployment", "frontend"][0]


def test_an_edit_by_hand_is_drift_and_is_reverted(fleet: FleetUnderTest) -> None:
    edit = json.dumps({"data": {"settings.yaml": "currency: XXX\n"}})
    fleet.kubectl("ohio", "patch", "configmap", "settings", "--namespace", "shop", "--type", "merge", "--patch", edit)
    (difference,) = fleet.drift()
    assert "ohio" in difference
    assert "settings" in difference
    fleet.up("--refresh")
    assert fleet.drift() == []
    assert fleet.preview() == []
    assert "currency: CAD" in held(fleet, "ohio")["ConfigMap", "settings"]["data"]["settings.yaml"]


def test_what_is_preserved_stays_and_all_else_goes_with_its_propagation(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["trial"]["preserveResourcesOnDeletion"] = True
    changed(clone, fleet, config)
    before = versions(held(fleet, "ohio"))
    without = copy.deepcopy(config) | {"propagations": {}}
    changed(clone, fleet, without)
    kept = ("Deployment", "frontend-next")
    # Without the definition there is no such kind.
    for cluster in CLUSTERS:
        kinds = KINDS.rpartition(",")[0]
        found = fleet.get(cluster, kinds, "--namespace", "shop", "--selector", OURS)["items"]
        names = {(each["kind"], each["metadata"]["name"]): each["metadata"]["uid"] for each in found}
        assert names == ({kept: before[kept][0]} if cluster == "ohio" else {})
        assert fleet.names(cluster, "crds", "--selector", OURS) == set()
    assert fleet.preview() == []
