"""Everything that is wrong with overrides is found before anything is created, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.federation.overriding import config, faults_of, workload

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
OBJECTS = [workload("Deployment"), SERVICE, config({"a.yaml": "x: 1\n", "b.yaml": "x: ["})]
HERE = "propagations.shop.overrides[0]"
DEPLOYMENT = {"objects": {"kind": "Deployment"}}

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("a kind", {"objects": {"kind": "Deploment"}, "replicas": 1}, ".objects", "did you mean Deployment web of shop?"),
    ("a name", {"objects": {"kind": "Deployment", "name": "wbe"}, "replicas": 1}, ".objects", "name 'wbe'"),
    ("a container", {"image": [{"component": "Tag", "value": "1", "container": "wbe"}]}, ".image[0]", "no object has"),
    (
        "a part of images",
        {"image": [{"component": "Digest", "operator": "remove"}]},
        ".image[0]",
        "no digest to remove",
    ),
    ("words", {"args": [{"container": "web", "operator": "remove", "value": ["x"]}]}, ".args[0]", "no such words"),
    ("a variable", {"env": [{"unset": ["X"]}]}, ".env[0].unset[0]", "has no variable 'X'"),
    ("a label", {"labels": {"unset": ["x"]}}, ".labels.unset[0]", "has no label 'x'"),
    ("replicas", {"objects": {"kind": "Service"}, "replicas": 2}, ".replicas", "Service has no replicas"),
    (
        "a path",
        DEPLOYMENT | {"json": [{"op": "remove", "path": "/spec/x"}]},
        ".json[0]",
        "Deployment web of shop: remove does not fit: there is no /spec/x",
    ),
    (
        "a path of objects that are not selected",
        {"json": [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "x"}]},
        ".json[0]",
        "objects selects the objects that it is for",
    ),
    (
        "a text",
        {
            "objects": {"kind": "ConfigMap"},
            "fields": [
                {"fieldPath": "/data/b.yaml", "format": "yaml", "json": [{"op": "add", "path": "/y", "value": 1}]}
            ],
        },
        ".fields[0].json[0]",
        "is not YAML",
    ),
    (
        "a name that changes",
        {"strategicMerge": {"metadata": {"name": "x"}}},
        ".strategicMerge",
        "changes metadata.name",
    ),
    ("many kinds", {"strategicMerge": {"spec": {"a": 1}}}, ".strategicMerge", "objects of 3 kinds"),
    ("an image", {"image": [{"component": "Tag", "value": "-"}]}, ".image[0]", "its tag is not one"),
]


@pytest.mark.parametrize(("override", "path", "text"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_is_a_fault_at_its_place(override: dict[str, Any], path: str, text: str) -> None:
    found = faults_of(OBJECTS, override)
    assert list(found) == [HERE + path]
    assert text in found[HERE + path]


def test_all_faults_of_overrides_are_reported_at_once() -> None:
    found = faults_of(OBJECTS, *(case[1] for case in WRONG))
    assert list(dict.fromkeys(sorted(found))) == sorted(
        f"propagations.shop.overrides[{number}]{case[2]}" for number, case in enumerate(WRONG)
    )


def test_an_override_is_seen_with_those_before_it() -> None:
    add = DEPLOYMENT | {"json": [{"op": "add", "path": "/spec/paused", "value": True}]}
    use = DEPLOYMENT | {"json": [{"op": "replace", "path": "/spec/paused", "value": False}]}
    assert faults_of(OBJECTS, add, use) == {}
    assert list(faults_of(OBJECTS, use, add)) == [f"{HERE}.json[0]"]


def test_overrides_of_different_clusters_are_not_mixed() -> None:
    def remove(cluster: str) -> dict[str, Any]:
        where = {"targetClusters": {"clusterNames": [cluster]}}
        return DEPLOYMENT | where | {"json": [{"op": "remove", "path": "/spec/template/spec/initContainers"}]}

    assert faults_of(OBJECTS, remove("west"), remove("east")) == {}
    assert list(faults_of(OBJECTS, remove("west"), remove("west"))) == ["propagations.shop.overrides[1].json[0]"]


def test_an_override_of_no_cluster_is_checked_by_itself() -> None:
    nowhere = {"targetClusters": {"clusterNames": ["nowhere"]}}
    wrong = DEPLOYMENT | nowhere | {"json": [{"op": "remove", "path": "/spec/x"}]}
    assert list(faults_of(OBJECTS, wrong)) == [f"{HERE}.json[0]"]


def test_one_object_that_takes_a_change_is_enough() -> None:
    assert faults_of(OBJECTS, {"image": [{"component": "Tag", "value": "2", "container": "web"}]}) == {}
    assert faults_of(OBJECTS, {"replicas": 2}) == {}
