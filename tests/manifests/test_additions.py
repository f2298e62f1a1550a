"""What a user adds is merged last into the documents that it selects; what does not fit is refused by its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.manifests import Release, fleet_plan
from meshfleet.manifests.addition_faults import addition_faults, checked
from meshfleet.manifests.additions import added_object, without_additions
from meshfleet.manifests.plan import own_plan
from meshfleet.topology import TopologyError, load
from meshfleet.topology.patching import merged
from tests.manifests.added import TWO, Config, faults_of, fleet_with, patched
from tests.manifests.plans import releases

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=0)

POINTER_PARTS = st.sampled_from(
    ["/metadata", "/labels", "/annotations", "/kind", "/0", "/-", "/-1", "/a", "/name", "/~1", "", "x", "/01", "/data"]
)
PATCHED = "additions.patches[0]"


def test_values_are_merged_from_all_clusters_to_one_release_of_one() -> None:
    fleet = fleet_with(
        istio={"values": {"gateway": {"a": {"x": 1, "y": 1}, "list": [1, 2]}, "east-west-gateway": {"a": {"y": 2}}}},
        clusters={
            "west": {"embedded": {}, "network": "network-west"}
            | {"istio": {"values": {"gateway": {"a": {"z": 3}}, "east-west-gateway": {"list": [3]}}}},
            "east": TWO["clusters"]["east"],
        },
    )
    assert addition_faults(fleet) == []
    plans = fleet_plan(fleet)
    west, east = (releases(plans[cluster])["east-west-gateway"].values for cluster in ("west", "east"))
    assert (west["a"], west["list"]) == ({"x": 1, "y": 2, "z": 3}, [3])
    assert (east["a"], east["list"]) == ({"x": 1, "y": 2}, [1, 2])
    assert west["networkGateway"] == "network-west"


def test_without_additions_every_document_is_what_it_was() -> None:
    fleet = fleet_with(
        istio={"values": {"base": {"a": 1}}},
        additions={"labels": {"a": "b"}, "patches": [{"document": "istiod", "merge": {"values": {"a": 1}}}]},
    )
    assert fleet_plan(without_additions(fleet)) == fleet_plan(fleet_with()) != fleet_plan(fleet)


def test_the_document_that_is_patched_is_not_changed_in_place() -> None:
    fleet = patched("istio-system", {"op": "add", "path": "/metadata/labels/a", "value": "b"})
    body = own_plan(fleet, "west")[0].body
    assert not isinstance(body, Release)
    before = copy.deepcopy(body)
    assert added_object(fleet, "west", "istio-system", body)["metadata"]["labels"]["a"] == "b"
    assert body == before


def test_what_only_a_run_knows_is_handed_on_untouched() -> None:
    class Output:
        def __deepcopy__(self, memo: object) -> Any:
            raise AssertionError("an output is never copied")

    later = Output()
    fleet = patched(
        "cacerts",
        {"op": "add", "path": "/metadata/labels/a", "value": "b"},
        {"op": "copy", "from": "/data", "path": "/copied"},
    )
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": {}}, "data": later}
    made = added_object(fleet, "west", "cacerts", body)
    assert made["data"] is later
    assert made["copied"] is later


@given(
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])},
            optional={
                "path": st.builds("".join, st.lists(POINTER_PARTS, max_size=4)),
                "from": st.builds("".join, st.lists(POINTER_PARTS, max_size=4)),
                "value": st.sampled_from([None, 1, "a", [], {}, {"name": "b"}]),
            },
        ),
        max_size=4,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_patch_fits_or_is_refused_by_its_place(operations: list[Config]) -> None:
    config = TWO | {"additions": {"patches": [{"document": "istio-system", "json": operations}]}}
    found = faults_of(lambda: load("x", config))
    if found:
        assert all(place.startswith("additions.patches[0]") for place in found)
    else:
        body = next(document.body for document in fleet_plan(load("x", config))["west"])
        assert not isinstance(body, Release)
        assert (body["kind"], body["metadata"]["name"]) == ("Namespace", "istio-system")


# The examples of RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_rfc_7386_says(base: Any, patch: Any, result: Any) -> None:
    assert merged(base, patch) == result


CASES: list[tuple[str, Any, str, str]] = [
    (
        "an unknown document",
        lambda: patched("istiodgateway", a=1),
        f"{PATCHED}.document",
        "did you mean istiod",
    ),
    (
        "a document of another cluster",
        lambda: fleet_with(
            clusters={
                "west": TWO["clusters"]["west"] | {"additions": {"patches": [{"document": "x", "merge": {"a": 1}}]}},
                "east": TWO["clusters"]["east"],
            }
        ),
        "clusters.west.additions.patches[0].document",
        "no document of the cluster west is named 'x'; known are cacerts",
    ),
    (
        "an unknown chart",
        lambda: fleet_with(istio={"values": {"istod": {"a": 1}}}),
        "istio.values.istod",
        "did you mean istiod",
    ),
    (
        "a chart that no cluster has",
        lambda: fleet_with(istio={"values": {"ztunnel": {"a": 1}}}),
        "istio.values.ztunnel",
        "no chart and no release of any cluster",
    ),
    (
        "a path that is not there",
        lambda: patched("istio-system", {"op": "replace", "path": "/metadata/nothing/at/all", "value": 1}),
        f"{PATCHED}.json[0]",
        "istio-system of west, east: replace does not fit: there is no /metadata/nothing/at/all, /metadata holds name",
    ),
    (
        "a place in a list that is not there",
        lambda: patched("cross-network-gateway", {"op": "remove", "path": "/spec/servers/4"}),
        f"{PATCHED}.json[0]",
        "/spec/servers is a list of 1",
    ),
    (
        "a place to move from that is not there",
        lambda: patched("istio-system", {"op": "move", "from": "/nothing", "path": "/metadata/x"}),
        f"{PATCHED}.json[0]",
        "there is no /nothing",
    ),
    (
        "a test that does not hold",
        lambda: patched("istio-system", {"op": "test", "path": "/kind", "value": "Pod"}),
        f"{PATCHED}.json[0]",
        "/kind is not what the patch expects",
    ),
    (
        "a test of what only a run knows",
        lambda: patched(
            "istiod", {"op": "test", "path": "/values/base", "value": {"validationURL": "<port>"}}, base=TWO
        ),
        f"{PATCHED}.json[0]",
        "only a run knows",
    ),
    (
        "a test of a secret",
        lambda: patched("cacerts", {"op": "test", "path": "/data/ca-cert.pem", "value": "eA=="}),
        f"{PATCHED}.json[0]",
        "only a run knows",
    ),
    (
        "another peer among the remote secrets",
        lambda: patched("remote-secrets", {"op": "add", "path": "/data/stranger", "value": "eA=="}),
        f"{PATCHED}.json[0]",
        "data.stranger is set by the fleet from clusters.<name>.discovery",
    ),
    (
        "another release",
        lambda: patched("istiod", {"op": "replace", "path": "/wait", "value": True}),
        f"{PATCHED}.json[0]",
        "wait is set by the fleet",
    ),
    (
        "the whole document",
        lambda: patched("istio-system", {"op": "replace", "path": "", "value": []}),
        f"{PATCHED}.json[0]",
        "leaves no mapping",
    ),
    (
        "an argument after those of the fleet",
        lambda: patched(
            "workload-deployment-web-v1",
            {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--cluster=other"},
        ),
        f"{PATCHED}.json[0]",
        "set by the fleet from workloads",
    ),
    (
        "an identity in the annotation of a pod",
        lambda: patched(
            "workload-deployment-web-v1",
            {
                "op": "add",
                "path": "/spec/template/metadata/annotations/proxy.istio.io~1config",
                "value": "{proxyMetadata: {ISTIO_META_CLUSTER_ID: other}}",
            },
        ),
        f"{PATCHED}.json[0]",
        "istio.values.istiod.meshConfig.defaultConfig",
    ),
    (
        "a label of the network",
        lambda: fleet_with(additions={"labels": {"topology.istio.io/network": "other"}}),
        "additions.labels.topology.istio.io/network",
        "clusters.<name>.network",
    ),
    (
        "a label that workloads are selected by",
        lambda: fleet_with(additions={"labels": {"app": "other"}}),
        "additions.labels",
        "metadata.labels.app is set by the fleet from workloads",
    ),
    (
        "a label that is none",
        lambda: patched("istio-system", {"op": "add", "path": "/metadata/labels/a", "value": 1}),
        f"{PATCHED}.json[0]",
        "metadata.labels: must be a string, got 1",
    ),
    (
        "an annotation that is no text",
        lambda: patched("workload-service-web", metadata={"annotations": {"a": {}}}),
        f"{PATCHED}.merge",
        "metadata.annotations: must be a string, got {}",
    ),
    (
        "null among values",
        lambda: fleet_with(istio={"values": {"istiod": {"resources": None}}}),
        "istio.values.istiod",
        "null",
    ),
    (
        "null among values by a patch",
        lambda: patched("istiod", {"op": "add", "path": "/values/resources", "value": None}),
        f"{PATCHED}.json[0]",
        "values.resources is null",
    ),
    (
        "a variable that is no text",
        lambda: fleet_with(istio={"values": {"istiod": {"env": {"PILOT_X": True}}}}),
        "istio.values.istiod",
        "values.env.PILOT_X is true, which is not a string",
    ),
    (
        "a number that would not arrive",
        lambda: fleet_with(istio={"values": {"istiod": {"x": 2**53 + 2}}}),
        "istio.values.istiod",
        "cannot be passed on exactly",
    ),
    (
        "a setting of the mesh that a field says otherwise",
        lambda: fleet_with(
            meshes={"mesh1": {"settings": {"outboundTrafficPolicy": "registry-only"}}},
            istio={"values": {"istiod": {"meshConfig": {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}}}},
        ),
        "istio.values.istiod",
        "meshes.<name>.settings",
    ),
    (
        "control planes of a mesh that differ",
        lambda: fleet_with(
            clusters={
                "west": TWO["clusters"]["west"]
                | {"istio": {"values": {"istiod": {"meshConfig": {"enableTracing": True}}}}},
                "east": TWO["clusters"]["east"],
            }
        ),
        "clusters.east",
        "enableTracing of istiod is not what it is in west",
    ),
]


@pytest.mark.parametrize(("make", "path", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_is_refused(make: Any, path: str, text: str) -> None:
    found = faults_of(make)
    assert path in found, found
    assert text in found[path]


def test_all_faults_are_reported_at_once() -> None:
    fleet = fleet_with(
        istio={"values": {"istod": {}, "istiod": {"env": {"A": 1}}}},
        additions={"patches": [{"document": "nothing", "merge": {}}, {"document": "cacerts", "merge": {"data": None}}]},
    )
    with pytest.raises(TopologyError) as error:
        checked(fleet)
    assert list(dict.fromkeys(fault.path for fault in error.value.faults)) == [
        "additions.patches[0].document",
        "additions.patches[1].merge",
        "istio.values.istiod",
        "istio.values.istod",
    ]


def test_a_setting_that_no_field_says_is_added() -> None:
    values = {"istiod": {"meshConfig": {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "connectTimeout": "3s"}}}
    assert addition_faults(fleet_with(istio={"values": values})) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/spec/template/spec/containers/0/readinessProbe/periodSeconds", 5),
        ("/spec/template/spec/containers/0/lifecycle", {"preStop": {"sleep": {"seconds": 9}}}),
    ],
)
def test_what_the_fleet_chose_by_itself_may_be_chosen_otherwise(path: str, value: Any) -> None:
    fleet = patched("workload-deployment-web-v1", {"op": "replace", "path": path, "value": value})
    assert addition_faults(fleet) == []
