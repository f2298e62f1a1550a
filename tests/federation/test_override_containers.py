"""Commands, arguments, environment variables, labels and replicas are changed where they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.federation.overriding import KINDS, applied, container_of, workload

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)


@pytest.mark.parametrize(
    ("operator", "value", "args"),
    [("add", ["c"], ["a", "b", "c"]), ("remove", ["a", "x"], ["b"]), ("replace", ["c"], ["c"])],
)
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_changed_in_every_pod_template(kind: str, operator: str, value: list[str], args: Any) -> None:
    made = applied(workload(kind), {"args": [{"container": "web", "operator": operator, "value": value}]})
    assert container_of(made.body)["args"] == args
    assert "args" not in container_of(made.body, "side")


def test_a_command_is_added_where_the_image_alone_had_one() -> None:
    made = applied(workload("Pod"), {"command": [{"container": "side", "operator": "add", "value": ["run"]}]})
    assert container_of(made.body, "side")["command"] == ["run"]


def test_variables_keep_their_place_and_new_ones_follow() -> None:
    body = workload("Deployment")
    env = [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "C", "value": "3"},
    ]
    body["spec"]["template"]["spec"]["containers"][0]["env"] = env
    made = applied(body, {"env": [{"container": "web", "set": {"Z": "9", "D": "4", "B": "2"}, "unset": ["A"]}]})
    assert container_of(made.body)["env"] == [
        {"name": "B", "value": "2"},
        {"name": "C", "value": "3"},
        {"name": "Z", "value": "9"},
        {"name": "D", "value": "4"},
    ]


def test_variables_are_of_all_containers_but_init_containers() -> None:
    made = applied(workload("Deployment"), {"env": [{"set": {"X": "1"}}]}).body
    assert container_of(made, "side")["env"] == [{"name": "X", "value": "1"}]
    assert "env" not in container_of(made, "setup")
    made = applied(workload("Deployment"), {"env": [{"container": "setup", "set": {"X": "1"}}]}).body
    assert container_of(made, "setup")["env"] == [{"name": "X", "value": "1"}]


def test_labels_and_annotations_are_set_and_removed() -> None:
    body = workload("Deployment")
    body["metadata"]["labels"] = {"a": "1", "b": "2"}
    made = applied(body, {"labels": {"set": {"c": "3", "b": "4"}, "unset": ["a"]}, "annotations": {"set": {"x": "y"}}})
    assert made.body["metadata"]["labels"] == {"b": "4", "c": "3"}
    assert made.body["metadata"]["annotations"] == {"x": "y"}


@pytest.mark.parametrize(
    ("kind", "there", "field"),
    [
        ("Deployment", {}, "replicas"),
        ("StatefulSet", {"replicas": 2}, "replicas"),
        ("ReplicaSet", {}, "replicas"),
        ("ReplicationController", {}, "replicas"),
        ("Job", {}, "parallelism"),
        ("Rollout", {"replicas": 1}, "replicas"),
        ("Rollout", {}, None),
        ("DaemonSet", {}, None),
    ],
)
def test_replicas_are_those_of_kinds_that_have_them(kind: str, there: dict[str, Any], field: str | None) -> None:
    made = applied(workload(kind, **there), {"replicas": 7}).body
    numbers = {key: value for key, value in made["spec"].items() if key in ("replicas", "parallelism")}
    assert numbers == ({field: 7} if field else {})
