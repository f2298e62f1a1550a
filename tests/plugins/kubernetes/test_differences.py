"""What counts as a change, what as drift, and what replaces an object: the rules, without a cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import UnsupportedError
from meshfleet.plugins.kubernetes.diff import changes, observed, property_path, respond
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, parse_token
from meshfleet.plugins.kubernetes.replacement import replacing_paths
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.values import UNKNOWN
from meshfleet.plugins.protocol import PropertyDiffKind

pytestmark = pytest.mark.proof("drift of Kubernetes objects is detected and repaired", step=0)

names = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(0, 3) | st.booleans() | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, trees, max_size=4)


@given(objects)
def test_nothing_differs_from_itself(tree: dict[str, Any]) -> None:
    assert list(changes(tree, copy.deepcopy(tree))) == []


@given(objects, objects)
def test_two_trees_differ_exactly_when_a_change_is_found(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = repr(one) == repr(other) or _alike(one, other)
    assert (list(changes(one, other)) == []) == same


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_alike(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@given(objects, objects)
def test_an_object_nobody_touched_has_not_drifted(inputs: dict[str, Any], live: dict[str, Any]) -> None:
    """However much the server made of the inputs when it took them."""
    assert observed(inputs, live, copy.deepcopy(live)) == inputs


@given(objects, objects)
def test_fields_that_were_never_requested_are_not_looked_at(inputs: dict[str, Any], added: dict[str, Any]) -> None:
    theirs = {f"their-{key}": value for key, value in added.items()}
    assert observed(inputs, inputs, {**copy.deepcopy(inputs), **theirs}) == inputs


def test_a_value_the_server_rewrote_has_not_drifted_until_somebody_changes_it() -> None:
    inputs = {"spec": {"cpu": "1000m", "list": [{"name": "a"}]}}
    live = {"spec": {"cpu": "1", "list": [{"name": "a", "default": 1}], "more": True}}
    assert observed(inputs, live, copy.deepcopy(live)) == inputs
    changed = copy.deepcopy(live)
    changed["spec"]["cpu"] = "2"
    assert observed(inputs, live, changed)["spec"]["cpu"] == "2"
    del changed["spec"]["cpu"]
    assert "cpu" not in observed(inputs, live, changed)["spec"]


def test_text_of_a_secret_is_compared_with_the_data_it_became() -> None:
    inputs = {"stringData": {"a": "one", "b": "two"}}
    old = {"data": {"a": "b25l", "b": "dHdv"}}
    assert observed(inputs, old, old) == inputs
    assert observed(inputs, old, {"data": {"a": "dHdv"}}) == {"stringData": {"a": "two"}}


def test_paths_are_written_as_pulumi_writes_them() -> None:
    path = ("metadata", "labels", 'istio.io/"rev"')
    assert property_path(path) == 'metadata.labels["istio.io/\\"rev\\""]'
    assert property_path(("spec", "ports", 0, "port")) == "spec.ports[0].port"


def test_what_is_not_known_yet_is_a_change() -> None:
    assert list(changes({"a": 1}, {"a": UNKNOWN})) == [(("a",), PropertyDiffKind.UPDATE)]
    assert list(changes({"a": None}, {})) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "path", "replaced"),
    [
        ("v1", "Secret", ("data", "key"), True),
        ("v1", "Secret", ("type",), True),
        ("v1", "ConfigMap", ("binaryData", "key"), True),
        ("v1", "ConfigMap", ("metadata", "labels", "a"), False),
        ("v1", "Namespace", ("metadata", "name"), True),
        ("v1", "Service", ("spec", "ports", 0, "port"), False),
        ("v1", "Service", ("spec", "clusterIP"), True),
        ("v1", "Pod", ("spec", "containers", 1, "image"), True),
        ("v1", "Pod", ("spec", "containers", 1), True),
        ("v1", "Pod", ("spec", "activeDeadlineSeconds"), False),
        ("apps/v1", "Deployment", ("spec", "selector", "matchLabels", "app"), True),
        ("apps/v1", "Deployment", ("spec", "replicas"), False),
        ("apps/v1", "StatefulSet", ("spec", "volumeClaimTemplates", 0), True),
        ("batch/v1", "Job", ("spec", "template", "spec", "containers", 0, "image"), True),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", ("roleRef", "name"), True),
        ("networking.istio.io/v1", "Gateway", ("spec", "selector", "istio"), False),
    ],
)
def test_only_what_cannot_change_in_place_replaces_an_object(
    api_version: str, kind: str, path: tuple[str | int, ...], replaced: bool
) -> None:
    group, _, version = api_version.rpartition("/")
    rules = replacing_paths(GroupVersionKind(group, version, kind), {}, Settings(), patch=False)
    answer = respond([(path, PropertyDiffKind.UPDATE)], rules, [], delete_before_replace=True)
    assert bool(answer.replaces) is replaced
    assert answer.delete_before_replace is replaced
    patch = replacing_paths(GroupVersionKind(group, version, kind), {}, Settings(), patch=True)
    assert bool(respond([(path, PropertyDiffKind.UPDATE)], patch, [], False).replaces) is (
        path[0] == "metadata" and replaced
    )


def test_secrets_and_config_maps_change_in_place_where_the_provider_says_so() -> None:
    mutable = Settings(enable_secret_mutable=True, enable_config_map_mutable=True)
    for kind in ("Secret", "ConfigMap"):
        identity = GroupVersionKind("", "v1", kind)
        change = [(("data", "key"), PropertyDiffKind.ADD)]
        assert not respond(change, replacing_paths(identity, {}, mutable, False), [], False).replaces
        immutable = replacing_paths(identity, {"immutable": True}, mutable, False)
        assert respond(change, immutable, [], False).detailed_diff["data.key"].kind is PropertyDiffKind.ADD_REPLACE


def test_ignored_paths_are_left_out_with_everything_below() -> None:
    found = [(("spec", "a", "b"), PropertyDiffKind.UPDATE), (("spec", "ab"), PropertyDiffKind.UPDATE)]
    assert sorted(respond(found, (), ["spec.a"], False).detailed_diff) == ["spec.ab"]


@pytest.mark.parametrize(
    ("token", "inputs", "expected", "patch"),
    [
        ("kubernetes:core/v1:Secret", {}, ("", "v1", "Secret"), False),
        ("kubernetes:apps/v1:DeploymentPatch", {"kind": "Deployment"}, ("apps", "v1", "Deployment"), True),
        ("kubernetes:apps/v1:DeploymentPatch", {}, ("apps", "v1", "Deployment"), True),
        ("kubernetes:networking.istio.io/v1:Gateway", {}, ("networking.istio.io", "v1", "Gateway"), False),
        ("kubernetes:example.com/v1:EyePatch", {"kind": "EyePatch"}, ("example.com", "v1", "EyePatch"), False),
    ],
)
def test_a_token_names_a_kind(token: str, inputs: dict[str, Any], expected: tuple[str, ...], patch: bool) -> None:
    parsed = parse_token(token, inputs)
    assert parsed.group_version_kind == GroupVersionKind(*expected)
    assert parsed.patch is patch


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:yaml:ConfigFile",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:kustomize/v2:Directory",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:helm.sh/v3:Chart",
        "kubernetes:helm:template",
        "kubernetes:core/v1:ConfigMapList",
    ],
)
def test_what_is_no_object_is_refused_by_name(token: str) -> None:
    with pytest.raises(UnsupportedError, match=token):
        parse_token(token, {"items": []} if token.endswith("List") else {})
