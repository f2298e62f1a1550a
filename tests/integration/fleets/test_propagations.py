"""Propagated objects on real API servers: each member has what the placement says, and loses exactly what left it."""

from __future__ import annotations

import copy
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.many_objects import MANY
from meshfleet.testing import FleetUnderTest, bring_up, kill, settled
from meshfleet.topology import read_stack_file
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("propagated objects go where their placement says", step=2),
]

EXAMPLE, STACK = "examples/federation", "federated"
CLUSTERS = ("paris", "dublin", "ohio")
OPEN = ("paris", "dublin")
"""Those without a taint."""
KINDS = "deployments,services,configmaps,serviceaccounts,roles,catalogs.shop.example"
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
    assert [cluster for cluster in CLUSTERS if ("ConfigMap", "texts") in found[cluster]] == ["paris", "dublin"]
    currencies = {cluster: found[cluster]["Catalog", "main"]["spec"]["currency"] for cluster in CLUSTERS}
    assert currencies == {"paris": "EUR", "dublin": "EUR", "ohio": "USD"}
    assert "currency: USD" in found["ohio"]["ConfigMap", "settings"]["data"]["settings.yaml"]
    assert "currency: EUR" in found["paris"]["ConfigMap", "settings"]["data"]["settings.yaml"]
    # Of a file, a kustomization and a chart of the project.
    assert found["dublin"]["Role", "shopkeeper"]["rules"][0]["resources"] == ["catalogs"]
    assert set(found["dublin"]["ConfigMap", "banner"]["data"]) == {"banner.txt", "sale.txt"}
    basket = found["dublin"]["Deployment", "basket"]["spec"]
    assert (basket["replicas"], basket["template"]["spec"]["serviceAccountName"]) == (1, "shopkeeper")
    assert ("Pod", "basket-answers") not in found["dublin"]


def test_a_second_up_has_nothing_to_do_and_the_fleet_is_verified(fleet: FleetUnderTest) -> None:
    assert fleet.preview() == []
    assert fleet.drift() == []
    before = {cluster: versions(found) for cluster, found in all_held(fleet).items()}
    fleet.up()
    assert {cluster: versions(found) for cluster, found in all_held(fleet).items()} == before
    fleet.verify()


def rows(fleet: FleetUnderTest) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What `meshfleet status --federation` says: kind, name and cluster to its row; `*` for the sum over clusters."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for propagation in fleet.run("status", "--federation").report["propagations"]:
        for one in propagation["objects"]:
            found[one["kind"], one["name"], "*"] = one
            found |= {(one["kind"], one["name"], each["cluster"]): each for each in one["clusters"]}
    return found


def test_status_has_a_row_for_each_object_and_cluster_and_their_sum(fleet: FleetUnderTest) -> None:
    found = rows(fleet)
    expected = {(*key, cluster): count for cluster, objects in placed(fleet).items() for key, count in objects.items()}
    assert {key: row["replicas"] for key, row in found.items() if key[2] != "*"} == expected
    assert found["Deployment", "frontend", "*"]["replicas"] == 9
    # No pods run there, whatever their status says.
    words = {key: row["health"] for key, row in found.items()}
    assert {words[key] for key in words if key[0] == "Deployment"} == {"accepted"}
    assert {words[key] for key in words if key[0] != "Deployment"} == {"ready"}
    conditions = found["CustomResourceDefinition", "catalogs.shop.example", "*"]["conditions"]
    assert conditions["Established"] == "True"
    # Other stacks read where objects are placed from the output.
    declared = fleet.status["propagations"]
    assert {one["name"] for one in declared} == {"definitions", "settings", "frontend", "texts", "trial", "basket"}
    assert "health" not in declared[0]


def test_a_member_that_does_not_respond_has_unknown_rows_and_the_others_are_complete(fleet: FleetUnderTest) -> None:
    kill(fleet.sandbox.program(STACK, "clusters/ohio", "kube-apiserver"))
    found = rows(fleet)
    assert {row["health"] for (_, _, cluster), row in found.items() if cluster == "ohio"} == {"unknown"}
    assert {row["health"] for (_, _, cluster), row in found.items() if cluster in ("paris", "dublin")} == {
        "ready",
        "accepted",
    }
    assert found["ConfigMap", "settings", "*"]["health"] == "partial"
    assert "ohio: the API server of ohio" in found["ConfigMap", "settings", "*"]["why"]
    fleet.up()
    assert rows(fleet)["ConfigMap", "settings", "*"]["health"] == "ready"


def test_verify_names_what_differs_in_a_member_and_what_is_left_there(fleet: FleetUnderTest, tmp_path: Path) -> None:
    check = ("--check", "propagated-objects")
    assert fleet.verify(*check) == {"propagated-objects": set(CLUSTERS)}
    left = held(fleet, "ohio")["Deployment", "frontend-next"]
    described = {key: left["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    manifest = tmp_path / "left.json"
    manifest.write_text(json.dumps({**left, "metadata": described, "status": None}))
    fleet.kubectl("paris", "create", "--filename", str(manifest))
    fleet.kubectl("dublin", "scale", "deployment", "frontend", "--namespace", "shop", "--replicas", "7")
    fleet.kubectl("ohio", "delete", "catalog", "main", "--namespace", "shop")
    failed = fleet.failed_checks(*check)
    assert "Deployment shop/frontend-next is left" in failed["propagated-objects of paris"]
    assert (
        "Deployment frontend in shop differs from the stack file in spec.replicas"
        in (failed["propagated-objects of dublin"])
    )
    assert "Catalog main in shop is not there" in failed["propagated-objects of ohio"]
    assert rows(fleet)["Catalog", "main", "ohio"]["health"] == "pending"
    fleet.kubectl("paris", "delete", "deployment", "frontend-next", "--namespace", "shop")
    fleet.up("--refresh")
    fleet.verify(*check)


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
    # What the frontend alone reads leaves with it.
    left = {("Deployment", "frontend"), ("Service", "frontend"), ("ConfigMap", "texts")}
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


def sign(**more: Any) -> dict[str, Any]:
    """A ConfigMap in every cluster."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "sign", "namespace": "shop"},
        "data": {"text": "ours"},
    }
    return {
        "resources": [{"object": body}],
        "placement": {"clusterTolerations": [{"operator": "Exists"}]},
        **more,
    }


def signs(fleet: FleetUnderTest) -> dict[str, dict[str, str]]:
    return {name: fleet.get(name, "configmap", "sign", "--namespace", "shop")["data"] for name in CLUSTERS}


def test_an_object_that_is_there_stops_its_cluster_alone_and_is_taken_over_on_request(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    theirs = {"text": "theirs", "more": "kept"}
    values = [f"--from-literal={key}={value}" for key, value in theirs.items()]
    fleet.kubectl("dublin", "create", "configmap", "sign", "--namespace", "shop", *values)
    uid = fleet.get("dublin", "configmap", "sign", "--namespace", "shop")["metadata"]["uid"]
    config["propagations"]["sign"] = sign()
    clone.write_stack(STACK, config)
    refused = (
        "dublin: ConfigMap sign in the namespace shop exists already and is not of this stack; to take it over set "
        "propagations.sign.conflictResolution to Overwrite, else remove or rename it"
    )
    assert fleet.run("preview").report["refused"] == [refused]
    (error,) = fleet.run("up", expect=1).report["errors"]
    assert error.splitlines()[1:2] == [f"  {refused}"]
    assert signs(fleet) == {"paris": {"text": "ours"}, "dublin": theirs, "ohio": {"text": "ours"}}
    config["propagations"]["sign"] = sign(conflictResolution="Overwrite")
    clone.write_stack(STACK, config)
    assert fleet.run("preview").report["takenOver"] == [
        "dublin: ConfigMap sign in the namespace shop is there already and is taken over"
    ]
    assert fleet.up()["changes"] == {"update": 1}
    # What others set beside stays.
    assert signs(fleet)["dublin"] == {"text": "ours", "more": "kept"}
    assert fleet.get("dublin", "configmap", "sign", "--namespace", "shop")["metadata"]["uid"] == uid
    assert (fleet.preview(), fleet.drift()) == ([], [])
    fleet.verify("--check", "propagated-objects")
    # It is the stack's now: it goes with its propagation.
    del config["propagations"]["sign"]
    changed(clone, fleet, config)
    assert "sign" not in fleet.names("dublin", "configmaps", "--namespace", "shop")


def test_what_another_stack_propagates_is_refused_whatever_is_declared(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    fleet.kubectl("ohio", "create", "configmap", "sign", "--namespace", "shop")
    mark = json.dumps({"stack": "other", "propagation": "web", "content": "0"})
    fleet.kubectl("ohio", "annotate", "configmap", "sign", "--namespace", "shop", f"meshfleet/propagated={mark}")
    config["propagations"]["sign"] = sign(conflictResolution="Overwrite")
    clone.write_stack(STACK, config)
    (error,) = fleet.run("up", expect=1).report["errors"]
    assert "ohio: ConfigMap sign in the namespace shop is of the propagation web of the stack other" in error
    fleet.kubectl("ohio", "delete", "configmap", "sign", "--namespace", "shop")
    fleet.up()
    # An object that changes its propagation is the same object.
    uid = fleet.get("ohio", "configmap", "sign", "--namespace", "shop")["metadata"]["uid"]
    config["propagations"]["board"] = config["propagations"].pop("sign")
    changed(clone, fleet, config)
    assert fleet.get("ohio", "configmap", "sign", "--namespace", "shop")["metadata"]["uid"] == uid
    del config["propagations"]["board"]
    changed(clone, fleet, config)


def test_a_kind_that_members_do_not_serve_is_refused_before_anything_is_created(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    candidate = {
        "apiVersion": "coordination.k8s.io/v1alpha1",
        "kind": "LeaseCandidate",
        "metadata": {"name": "frontend", "namespace": "shop"},
        "spec": {"leaseName": "frontend", "binaryVersion": "1.0.0", "strategy": "OldestEmulationVersion"},
    }
    wrong = copy.deepcopy(config)
    wrong["propagations"]["sign"] = sign()
    wrong["propagations"]["sign"]["resources"].append({"object": candidate})
    clone.write_stack(STACK, wrong)
    for command in ("preview", "up"):
        (fault,) = fleet.run(command, expect=2).report["faults"]
        assert fault["path"] == "propagations.sign.resources[1].object.kind"
        assert fault["message"].startswith(
            "dublin, ohio, paris do not serve LeaseCandidate of coordination.k8s.io/v1alpha1"
        )
    assert "sign" not in fleet.names("paris", "configmaps", "--namespace", "shop")
    clone.write_stack(STACK, config)


def door(version: str, **rollout: Any) -> dict[str, Any]:
    """An Ingress in every cluster, which is ready once it has an address; Ohio is the first wave."""
    service = {"service": {"name": "frontend", "port": {"number": 80}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "door", "namespace": "shop", "labels": {"version": version}},
        "spec": {"defaultBackend": service},
    }
    waves = [{"targetClusters": {"clusterNames": ["ohio"]}}, {"clusters": 1}]
    return {
        "resources": [{"object": ingress}],
        "placement": {"clusterTolerations": [{"operator": "Exists"}]},
        "rollout": {"waves": waves, "health": {"withinSeconds": 5}} | rollout,
    }


def doors(fleet: FleetUnderTest) -> dict[str, str]:
    return {
        cluster: fleet.get(cluster, "ingress", "door", "--namespace", "shop")["metadata"]["labels"]["version"]
        for cluster in CLUSTERS
    }


def give_address(fleet: FleetUnderTest, cluster: str) -> None:
    address = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    patch = ("patch", "ingress", "door", "--subresource", "status", "--type", "merge", "--patch", address)
    fleet.kubectl(cluster, *patch, "--namespace", "shop")


def test_a_wave_that_does_not_become_healthy_stops_the_rollout_and_the_next_up_goes_on(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["door"] = door("1")
    clone.write_stack(STACK, config)
    # A first creation is not in waves: it is not waited for.
    assert "stages" not in fleet.up()
    assert doors(fleet) == dict.fromkeys(CLUSTERS, "1")
    give_address(fleet, "ohio")
    config["propagations"]["door"] = door("2")
    # What is of other propagations does not wait.
    config["propagations"]["settings"]["resources"][1]["object"]["spec"]["languages"] = ["en", "de"]
    clone.write_stack(STACK, config)
    names = [f"wave {at} of 3 of door ({cluster})" for at, cluster in enumerate(("ohio", "dublin", "paris"), 1)]
    shown = fleet.run("preview").report
    assert shown["stages"] == names
    assert {line.partition(":")[0] for line in shown["changes"] if "door" in line} == {"ohio"}
    (error,) = fleet.run("up", expect=1).report["errors"]
    assert error.splitlines()[:2] == [
        f"{names[1]} is not healthy within 5 s:",
        "  dublin: Ingress (networking.k8s.io) door in the namespace shop: accepted: it has no address",
    ]
    assert doors(fleet) == {"ohio": "2", "dublin": "2", "paris": "1"}
    assert held(fleet, "paris")["Catalog", "main"]["spec"]["languages"] == ["en", "de"]
    assert rows(fleet)["Ingress", "door", "paris"]["health"] == "pending"
    # As long as it is not healthy nothing else moves.
    assert "earlier waves of door is not healthy" in fleet.run("up", expect=1).report["errors"][0]
    assert doors(fleet)["paris"] == "1"
    for cluster in ("paris", "dublin"):
        give_address(fleet, cluster)
    assert [stage["name"] for stage in fleet.up()["stages"]] == ["earlier waves of door", names[2]]
    assert doors(fleet) == dict.fromkeys(CLUSTERS, "2")
    assert rows(fleet)["Ingress", "door", "*"]["health"] == "ready"
    assert fleet.preview() == []


def test_a_rollout_that_pauses_goes_on_with_the_next_up(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["door"] = door("3", pause=True)
    clone.write_stack(STACK, config)
    seen = []
    for _ in CLUSTERS:
        seen.append(fleet.up().get("paused"))
        assert sum(version == "3" for version in doors(fleet).values()) == len(seen)
    assert seen == [["door"], ["door"], None]
    assert "stages" not in fleet.up()


def trial(version: str, *more: dict[str, Any], seconds: int = 5) -> dict[str, Any]:
    """The Ingress and more objects, in waves that are rolled back."""
    found = door(version, rollbackOnFailure=True, health={"withinSeconds": seconds})
    found["resources"] += [{"object": one} for one in more]
    return found


BELL = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bell", "namespace": "shop"}, "data": {"a": "1"}}


def of_door(fleet: FleetUnderTest, cluster: str) -> set[str]:
    """What a cluster has of the propagation: the version of the Ingress, and the names of the others."""
    ingresses = fleet.get(cluster, "ingresses", "--namespace", "shop")["items"]
    versions = {one["metadata"]["labels"]["version"] for one in ingresses if one["metadata"]["name"] == "door"}
    others = {one["metadata"]["name"] for one in ingresses} & {"hatch"}
    return versions | others | (fleet.names(cluster, "configmaps", "--namespace", "shop") & {"bell"})


def test_a_wave_that_fails_is_rolled_back_on_request_also_after_a_kill(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["door"] = trial("3a", BELL)
    changed(clone, fleet, config)
    assert {name: of_door(fleet, name) for name in CLUSTERS} == {name: {"3a", "bell"} for name in CLUSTERS}
    uid = fleet.get("ohio", "ingress", "door", "--namespace", "shop")["metadata"]["uid"]
    # The Ingress changes, one without an address comes, and the bell goes.
    hatch = copy.deepcopy(door("")["resources"][0]["object"])
    hatch["metadata"] |= {"name": "hatch", "labels": {"version": "3b"}}
    config["propagations"]["door"] = trial("3b", hatch)
    clone.write_stack(STACK, config)
    name = "wave 1 of 3 of door (ohio)"
    (error,) = fleet.run("up", expect=1).report["errors"]
    assert error.startswith(f"{name} is not healthy within 5 s:\n  ohio: Ingress (networking.k8s.io) hatch")
    again = f"the next meshfleet up --stack {STACK} takes it again"
    assert error.endswith(f"the wave was rolled back: door (ohio) has what it had before it; {again}")
    assert {name: of_door(fleet, name) for name in CLUSTERS} == {name: {"3a", "bell"} for name in CLUSTERS}
    assert fleet.get("ohio", "ingress", "door", "--namespace", "shop")["metadata"]["uid"] == uid
    assert fleet.drift() == []
    assert fleet.run("preview").report["stages"][0] == name
    # Killed once the wave has moved, the next run still knows what was there before.
    config["propagations"]["door"] = trial("3b", hatch, seconds=300)
    clone.write_stack(STACK, config)
    running = fleet.sandbox.start("up", "--stack", STACK)
    running.wait_for(lambda heard: any("propagation-door-ingress-shop-hatch created" in line for line in heard))
    assert settled(lambda: "bell" not in of_door(fleet, "ohio"), 60)
    os.killpg(running.process.pid, signal.SIGKILL)
    running.end()
    config["propagations"]["door"] = trial("3b", hatch)
    clone.write_stack(STACK, config)
    (error,) = fleet.run("up", expect=1).report["errors"]
    assert "the wave was rolled back: door (ohio)" in error
    assert {name: of_door(fleet, name) for name in CLUSTERS} == {name: {"3a", "bell"} for name in CLUSTERS}
    # The last wave is waited for again by the run after the one that it stopped.
    config["propagations"]["door"] = door("3c", waves=[{"percent": "100%"}])
    config["propagations"]["door"]["resources"].append({"object": hatch})
    clone.write_stack(STACK, config)
    assert "wave 1 of 1 of door" in fleet.run("up", expect=1).report["errors"][0]
    assert "last wave of door is not healthy" in fleet.run("up", expect=1).report["errors"][0]
    config["propagations"]["door"] = door("3c", waves=[{"percent": "100%"}])
    changed(clone, fleet, config)
    assert "stages" not in fleet.up()


def many(value: str) -> dict[str, Any]:
    """Enough objects for a run of their own (automation/many_objects.py)."""
    described = [{"name": f"many-{number}", "namespace": "shop"} for number in range(MANY // len(OPEN))]
    each = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"value": value}}
    return {"resources": [{"object": each | {"metadata": metadata}} for metadata in described]}


def values_of_many(fleet: FleetUnderTest, cluster: str) -> list[str]:
    found = fleet.get(cluster, "configmaps", "--namespace", "shop", "--selector", OURS)["items"]
    return [each["data"]["value"] for each in found if each["metadata"]["name"].startswith("many-")]


def recorded_of_many(fleet: FleetUnderTest) -> tuple[int, int]:
    """How many of them the state has, and how many as begun."""
    state = fleet.sandbox.run(["env", "pulumi", "stack", "export", "--stack", STACK], more=fleet.sandbox.exports())
    deployment = state.report["deployment"]
    begun = [one["resource"] for one in deployment.get("pending_operations") or ()]
    recorded, pending = (
        sum("/propagation-many-" in one["urn"] for one in those) for those in (deployment["resources"], begun)
    )
    return recorded, pending


@pytest.mark.proof("many propagated objects are recorded at once, and none is lost", step=2)
def test_many_objects_come_in_one_run_and_none_is_lost_when_that_is_killed(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["many"] = many("a")
    count = len(config["propagations"]["many"]["resources"])
    clone.write_stack(STACK, config)
    running = fleet.sandbox.start("up", "--stack", STACK)
    running.wait_for(lambda heard: sum("propagation-many-" in line for line in heard) > count // 2)
    os.killpg(running.process.pid, signal.SIGKILL)
    running.end()
    assert recorded_of_many(fleet) == (0, count * len(OPEN))
    assert any(values_of_many(fleet, cluster) for cluster in OPEN)
    fleet.up()
    assert recorded_of_many(fleet) == (count * len(OPEN), 0)
    assert {name: values_of_many(fleet, name) for name in OPEN} == {name: ["a"] * count for name in OPEN}
    assert fleet.preview() == []
    config["propagations"]["many"] = many("b")
    changed(clone, fleet, config)
    assert {name: values_of_many(fleet, name) for name in OPEN} == {name: ["b"] * count for name in OPEN}
    del config["propagations"]["many"]
    changed(clone, fleet, config)
    assert {name: values_of_many(fleet, name) for name in OPEN} == {name: [] for name in OPEN}
    assert recorded_of_many(fleet) == (0, 0)


def test_a_cluster_that_leaves_loses_its_objects_in_its_wave(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    config["propagations"]["door"] = door("4")
    config["propagations"]["door"]["placement"]["clusterAffinity"] = {"excludeClusters": ["dublin"]}
    clone.write_stack(STACK, config)
    stages = fleet.up()["stages"]
    assert [stage["name"].rpartition(" (")[2] for stage in stages] == ["ohio)", "dublin)", "paris)"]
    assert stages[1]["changes"] == {"delete": 1}
    assert fleet.names("dublin", "ingress", "--namespace", "shop") == set()
    fleet.verify("--check", "propagated-objects")


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
    # What is there bears the mark of the propagation, and comes back without a word.
    changed(clone, fleet, config)
    assert versions(held(fleet, "ohio"))[kept][0] == before[kept][0]
    assert fleet.preview() == []
