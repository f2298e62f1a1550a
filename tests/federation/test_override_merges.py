"""Strategic merge patches do what Kubernetes does, and those of custom resources what RFC 7386 says.

strategic_merges.json is what kubectl 1.37.1 made of each case, with `kubectl patch --local --type strategic`; null
where it refused the patch.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.strategic_merge import strategically_merged
from tests.examples import up_to

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("strategic_merges.json").read_text("utf-8"))
WIDGET = {
    "apiVersion": "example.org/v1",
    "kind": "Widget",
    "metadata": {"name": "a"},
    "spec": {"list": [{"name": "x"}]},
}
FINALIZERS = st.lists(st.sampled_from("abcde"), unique=True)


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_strategic_merge_is_that_of_kubectl(case: dict[str, Any]) -> None:
    before = copy.deepcopy(case["object"])
    if case["result"] is None:
        with pytest.raises(DocumentError):
            strategically_merged(case["object"], case["patch"])
    else:
        assert strategically_merged(case["object"], case["patch"]) == case["result"]
    assert case["object"] == before


def test_a_new_value_has_no_null_and_no_directive() -> None:
    patch = {"spec": {"containers": [{"name": "web", "tty": None, "env": [{"name": "A", "$patch": "delete"}]}]}}
    assert strategically_merged(pod(), patch) == pod(containers=[{"name": "web", "env": []}])


def test_what_is_not_there_cannot_be_replaced() -> None:
    with pytest.raises(DocumentError, match=r"spec\.securityContext: is not there to be replaced"):
        strategically_merged(pod(), {"spec": {"securityContext": {"$patch": "replace", "runAsUser": 1}}})


@pytest.mark.parametrize(("order", "finalizers"), [([{"a": "b"}], ["c"]), (["c"], [{"a": "b"}])])
def test_an_order_of_texts_has_no_other_entries(order: list[Any], finalizers: list[Any]) -> None:
    with pytest.raises(DocumentError, match=r"metadata\.finalizers: \$setElementOrder/finalizers orders texts"):
        strategically_merged(pod(), {"metadata": {"$setElementOrder/finalizers": order, "finalizers": finalizers}})


def test_a_custom_resource_takes_a_merge_patch() -> None:
    made = strategically_merged(WIDGET, {"spec": {"list": [{"name": "y"}], "a": 1}})
    assert made["spec"] == {"list": [{"name": "y"}], "a": 1}


def test_a_custom_resource_knows_no_directive() -> None:
    with pytest.raises(DocumentError, match=r"spec\.list\[0\]\.\$patch is a directive of Kubernetes' own kinds"):
        strategically_merged(WIDGET, {"spec": {"list": [{"name": "x", "$patch": "delete"}]}})


@given(FINALIZERS, FINALIZERS)
@up_to(100)
def test_merged_texts_are_those_of_both_each_once(there: list[str], patch: list[str]) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": there}}
    made = strategically_merged(body, {"metadata": {"finalizers": patch}})["metadata"]["finalizers"]
    assert sorted(made) == sorted({*there, *patch})
    assert [each for each in made if each in patch] == patch
    others = [each for each in there if each not in patch]
    assert [each for each in made if each not in patch] == others


@given(st.permutations(["a", "b", "c", "d"]), st.lists(st.sampled_from("abcdef"), unique=True))
@up_to(100)
def test_containers_of_a_patch_keep_its_order(there: list[str], patch: list[str]) -> None:
    body = pod(containers=[{"name": name, "image": name} for name in there])
    made = strategically_merged(body, {"spec": {"containers": [{"name": name, "tty": True} for name in patch]}})
    names = [each["name"] for each in made["spec"]["containers"]]
    assert [name for name in names if name in patch] == patch
    assert {each["name"] for each in made["spec"]["containers"] if each.get("tty")} == set(patch)
    assert sorted(names) == sorted({*there, *patch})
