"""A patch leads from one object to the other, also when an API server has dropped what is empty, or added defaults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.karmada.differences import difference
from tests.examples import up_to
from tests.federation.karmada_declarations import settings, workload
from tests.federation.karmada_simulator import as_seen, as_stored, plaintext, without_empty

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=0)

Object = dict[str, Any]
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "~", "/", "a/b~c"]))
KEYS = st.sampled_from(["a", "b/c", "d~e", "labels", "spec"])
TREES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8
)
PARTS = st.dictionaries(KEYS, TREES, max_size=3)


def body(kind: str, template: Object, spec: Object, data: Object) -> Object:
    described = {"name": "x", "labels": {"a": "1"}, "annotations": {"b": "2"}}
    inner = {"metadata": template, "spec": {"containers": [{"name": "app", **spec}], **template}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": described, "spec": {**spec, "template": inner}, **data}


@up_to(60)
@given(st.sampled_from(["Deployment", "Other"]), st.lists(PARTS, min_size=6, max_size=6))
def test_a_patch_makes_any_object_of_any_other(kind: str, parts: list[Object]) -> None:
    before, after = body(kind, *parts[:3]), body(kind, *parts[3:])
    made = plaintext(without_empty(before), difference(before, after))
    assert without_empty(made) == without_empty(after)
    # As both are kept with all that is empty in them.
    assert without_empty(plaintext(before, difference(before, after))) == without_empty(after)
    assert difference(before, before) == []


def test_labels_and_data_are_patched_by_entry_and_containers_as_a_whole() -> None:
    before, after = workload("web"), workload("web")
    after["metadata"]["labels"] = {"team": "other"}
    after["spec"]["template"]["spec"]["containers"][1]["image"] = "shop/side:3"
    assert difference(before, after) == [
        {"path": "/metadata/labels/team", "operator": "replace", "value": "other"},
        {"path": "/metadata/labels/old", "operator": "remove"},
        {
            "path": "/spec/template/spec/containers/1",
            "operator": "replace",
            "value": {"name": "side", "image": "shop/side:3"},
        },
    ]
    one, other = settings("x", **{"a.b": "1"}), settings("x", **{"a.b": "2"})
    assert difference(one, other) == [{"path": "/data/a.b", "operator": "replace", "value": "2"}]


def test_a_default_that_follows_from_what_is_changed_is_not_kept() -> None:
    described = {"name": "web", "namespace": "shop"}
    before, after = (
        {"apiVersion": "v1", "kind": "Service", "metadata": described, "spec": {"ports": [{"port": port}]}}
        for port in (80, 8080)
    )
    assert as_stored(before)["spec"]["ports"][0]["targetPort"] == 80
    assert as_seen(plaintext(as_stored(before), difference(before, after))) == as_seen(after)
