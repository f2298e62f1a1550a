"""An object in a cluster: which overrides apply, in which order, and what is refused with its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from tests.examples import up_to
from tests.federation.overriding import KINDS, applied, config, container_of, workload

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)

EVERYTHING: dict[str, Any] = {
    "strategicMerge": {"metadata": {"labels": {"step": "9"}}},
    "json": [{"op": "replace", "path": "/metadata/labels/step", "value": "8"}],
    "fields": [
        {
            "fieldPath": "/metadata/annotations/text",
            "format": "json",
            "json": [{"op": "add", "path": "/b", "value": 1}],
        }
    ],
    "annotations": {"set": {"text": '{"a":1}'}},
    "labels": {"set": {"step": "7"}, "unset": ["gone"]},
    "replicas": 5,
    "env": [{"set": {"B": "2"}, "unset": ["A"]}],
    "args": [{"container": "web", "operator": "add", "value": ["c"]}],
    "command": [{"container": "web", "operator": "replace", "value": ["run"]}],
    "image": [{"component": "Tag", "value": "2"}],
}


def test_changes_apply_in_the_order_of_the_fields() -> None:
    body = workload("Deployment")
    body["metadata"]["labels"] = {"gone": "x"}
    made = applied(body, EVERYTHING)
    assert made.applied == (
        "overrides[0].image[0]",
        "overrides[0].command[0]",
        "overrides[0].args[0]",
        "overrides[0].env[0]",
        "overrides[0].env[0].unset[0]",
        "overrides[0].replicas",
        "overrides[0].labels.set",
        "overrides[0].labels.unset[0]",
        "overrides[0].annotations.set",
        "overrides[0].fields[0].json[0]",
        "overrides[0].json[0]",
        "overrides[0].strategicMerge",
    )
    assert made.body["metadata"] == {
        "name": "web",
        "namespace": "shop",
        "labels": {"step": "9"},
        "annotations": {"text": '{"a":1,"b":1}'},
    }
    assert made.body["spec"]["replicas"] == 5
    assert container_of(made.body) == {
        "name": "web",
        "image": "web:2",
        "args": ["a", "b", "c"],
        "env": [{"name": "B", "value": "2"}],
        "command": ["run"],
    }


def test_a_later_override_is_applied_over_an_earlier_one() -> None:
    tag = {"image": [{"component": "Tag", "operator": "add", "value": "-x"}]}
    assert container_of(applied(workload("Deployment"), tag, tag).body)["image"] == "web:1-x-x"


def test_an_override_applies_in_its_clusters_alone() -> None:
    override = {"targetClusters": {"clusterNames": ["east"]}, "labels": {"set": {"a": "b"}}}
    body = workload("Deployment")
    assert applied(body, override, cluster="west").body is body
    assert applied(body, override, cluster="east").body["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"kind": "Deployment"}, True),
        ({"kind": "Pod"}, False),
        ({"name": "web", "namespace": "shop"}, True),
        ({"name": "other"}, False),
        ({"namespace": "other"}, False),
        ({"apiVersion": "apps/v1"}, True),
        ({"apiVersion": "v1"}, False),
    ],
)
def test_objects_are_selected_by_all_that_is_named(selector: dict[str, str], selected: bool) -> None:
    made = applied(workload("Deployment"), {"objects": selector, "labels": {"set": {"a": "b"}}})
    assert bool(made.applied) == selected


@given(st.sets(st.sampled_from(sorted(EVERYTHING)), min_size=1), st.sampled_from(sorted(KINDS)))
@up_to(100)
def test_no_override_changes_the_object_that_is_given(fields: set[str], kind: str) -> None:
    body = workload(kind)
    body["metadata"] |= {"labels": {"step": "0", "gone": "x"}, "annotations": {"text": "{}"}}
    before = copy.deepcopy(body)
    given_overrides = {field: EVERYTHING[field] for field in fields}
    first = applied(body, given_overrides)
    made = copy.deepcopy(first.body)
    applied(first.body, given_overrides)
    assert body == before
    assert first.body == made


def test_objects_without_what_is_changed_are_left_alone() -> None:
    body = config({"a": "1"})
    made = applied(
        body,
        {
            "image": EVERYTHING["image"],
            "env": EVERYTHING["env"],
            "args": EVERYTHING["args"],
            "command": EVERYTHING["command"],
            "replicas": 3,
            "labels": {"unset": ["a"]},
        },
    )
    assert made.body is body
    assert made.applied == ()


JSON = [{"op": "replace", "path": "/spec/nothing/here", "value": 1}]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a container", {"args": [{"container": "wbe", "operator": "add", "value": ["x"]}]}, "args[0]"),
    ("an image of a container", {"image": [{"component": "Tag", "value": "1", "container": "wbe"}]}, "image[0]"),
    ("a path", {"json": JSON}, "json[0]"),
    ("a name", {"json": [{"op": "replace", "path": "/metadata/name", "value": "x"}]}, "json[0]"),
    ("a namespace", {"strategicMerge": {"metadata": {"namespace": "x"}}}, "strategicMerge"),
    ("a kind", {"strategicMerge": {"kind": "Pod"}}, "strategicMerge"),
    ("an API version", {"json": [{"op": "remove", "path": "/apiVersion"}]}, "json[0]"),
    ("a status", {"strategicMerge": {"status": {}}}, "strategicMerge"),
    ("the metadata", {"json": [{"op": "remove", "path": "/metadata"}]}, "json[0]"),
    ("a label that is none", {"strategicMerge": {"metadata": {"labels": {"a": 1}}}}, "strategicMerge"),
    ("the whole object", {"strategicMerge": {"$patch": "delete"}}, "strategicMerge"),
    (
        "a text that is not there",
        {"fields": [{"fieldPath": "/data/a", "format": "yaml", "json": [{"op": "add", "path": "/a", "value": 1}]}]},
        "fields[0].json[0]",
    ),
]


@pytest.mark.parametrize(("override", "path"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_does_not_fit_is_refused_by_its_place(override: dict[str, Any], path: str) -> None:
    objects = {"objects": {"kind": "Deployment"}}
    with pytest.raises(DocumentError) as error:
        applied(workload("Deployment"), {"labels": {"set": {"a": "b"}}}, objects | override)
    assert str(error.value).startswith(f"propagations.shop.overrides[1].{path}: Deployment web of shop: ")


def test_a_refusal_says_what_there_is() -> None:
    override = {"objects": {"kind": "Deployment"}, "image": [{"component": "Tag", "value": "1", "container": "wbe"}]}
    with pytest.raises(DocumentError, match="has no container 'wbe'; its containers are setup, web, side"):
        applied(workload("Deployment"), override)
    with pytest.raises(DocumentError, match="there is no /spec/nothing/here, /spec holds template"):
        applied(workload("Deployment"), {"json": JSON})
