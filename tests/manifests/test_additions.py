"""What a user adds is merged last into the documents that it selects; what contradicts the fleet is refused.

The sweeps find what the fleet owns by themselves: they load a fleet under other names and compare its documents.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.embedded.istiod_spec import RESERVED_SETTINGS
from meshfleet.manifests import Chart, Document, Release, cluster_plan, fleet_plan
from meshfleet.manifests.added_values import process_settings
from meshfleet.manifests.addition_faults import addition_faults, checked
from meshfleet.manifests.additions import added_object, merged, without_additions
from meshfleet.manifests.injected import ANNOTATION, described
from meshfleet.manifests.objects import written
from meshfleet.manifests.plan import own_plan
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.topology.owned import SECRETS, VALUES
from meshfleet.topology.owned_paths import ANY, Path, fits, spelled
from tests.components.fleets import CONFIGURATIONS, NAMES, existing, fleet_called, in_one_mesh
from tests.manifests.plans import named, releases

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=0)

Config = dict[str, Any]
POINTER_PARTS = st.sampled_from(
    ["/metadata", "/labels", "/annotations", "/kind", "/0", "/-", "/-1", "/a", "/name", "/~1", "", "x", "/01", "/data"]
)
PATCHED = "additions.patches[0]"
TWO = in_one_mesh(
    {"west": {"embedded": {}}, "east": existing("east", "simulated")},
    workloads={"web": {"namespace": "sample"}},
)
# Everything by which Istio knows who is who, under a name and under another one.
IDENTITY = {
    "west": "westward",
    "network-west": "coast",
    "mesh1": "sea",
    "blue": "green",
    "gold": "silver",
    "sea.example": "land.example",
    "east": "eastward",
}
WHOLE: Config = in_one_mesh(
    {
        "west": existing("west", "simulated")
        | {
            "mesh": "mesh1",
            "ingressGateways": {
                "shop": {"api": "istio", "listeners": [{"port": 80}]},
                "api": {"api": "gateway", "hostname": "api.example", "listeners": [{"port": 8080}]},
            },
        },
        "east": existing("east", "simulated") | {"mesh": "mesh1", "controlPlane": {"remote": "west"}},
        "far": existing("far", "simulated") | {"mesh": "mesh2", "controlPlane": {"external": "west"}},
    },
    meshes={"mesh1": {"trustDomain": "sea.example", "settings": {"mtls": "strict", "accessLog": {}}}, "mesh2": {}},
    istio={"revisions": {"blue": {}, "gold": {}}, "revision": "blue", "gatewayRevision": "gold", "tags": ["prod"]},
    workloads={"web": {"namespace": "sample", "allowedCallers": ["sample/web"]}},
    virtualMachines={"till": {"namespace": "sample", "cluster": "west", "ports": {"http": {"port": 8080}}}},
)
AMBIENT: Config = in_one_mesh(
    {name: existing(name, "real") | {"dataPlane": "ambient"} for name in ("west", "east")},
    istio={"revision": "blue"},
    namespaces={"sample": {"injection": True, "waypoint": True}},
)


def fleet_with(base: Config = TWO, **sections: Any) -> Fleet:
    config = copy.deepcopy(base)
    for section, value in sections.items():
        config[section] = config.get(section, {}) | value if isinstance(value, dict) else value
    return load("added", config)


def patched(document: str, *operations: Config, base: Config = TWO, **merge: Any) -> Fleet:
    patch = {"json": list(operations)} if operations else {"merge": merge}
    return fleet_with(base, additions={"patches": [{"document": document} | patch]})


def faults_of(make: Any) -> dict[str, str]:
    """The faults of a fleet by their paths, whether its rules or its documents show them."""
    try:
        fleet = make()
    except TopologyError as error:
        return {fault.path: fault.message for fault in error.faults}
    return {fault.path: fault.message for fault in addition_faults(fleet)}


def renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {new if key == old else key: renamed(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, old, new) for inner in value]
    return new if value == old else value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from leaves(inner, (*path, str(key)))
    if not inside:
        yield path, value


def identity_leaves(config: Config) -> Iterator[tuple[str, Document, Path]]:
    """Every leaf of every document that says something else when a name by which Istio knows a part changes."""
    fleet = load("x", config)
    for old, new in IDENTITY.items():
        other = load("x", renamed(config, old, new))
        for cluster in fleet.clusters:
            theirs = own_plan(other, new if cluster == old else cluster)
            for document in own_plan(fleet, cluster):
                twin = named(theirs, document.name.replace(old, new)) or named(theirs, document.name)
                after = dict(leaves(written(twin.body))) if twin else {}
                for path, value in leaves(written(document.body)):
                    if after.get(path) != value:
                        yield cluster, document, path


FOUND = [
    (config, cluster, name, path)
    for config in (WHOLE, AMBIENT)
    for cluster, name, path in dict.fromkeys(
        (cluster, document.name, path) for cluster, document, path in identity_leaves(config)
    )
]


def pointer(path: Path) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)


def test_the_sweep_finds_what_names_reach() -> None:
    paths = {path for *_, path in FOUND}
    for known in (
        ("values", "global", "network"),
        ("values", "global", "meshID"),
        ("values", "global", "multiCluster", "clusterName"),
        ("values", "meshConfig", "trustDomain"),
        ("values", "revision"),
        ("values", "istiodRemote", "injectionURL"),
        ("values", "multiCluster", "clusterName"),
        ("values", "networkGateway"),
        ("values", "podAnnotations", ANNOTATION),
        ("metadata", "labels", "topology.istio.io/network"),
        ("metadata", "annotations", "topology.istio.io/controlPlaneClusters"),
        ("spec", "template", "network"),
    ):
        assert known in paths
    assert len(FOUND) > 120


@pytest.mark.parametrize("how", ["replace", "remove", "parent", "move", "merge"])
def test_a_patch_changes_nothing_that_names_reach(how: str) -> None:
    for base, cluster, name, path in FOUND:
        patches: dict[str, Config] = {
            "replace": {"json": [{"op": "replace", "path": pointer(path), "value": "other"}]},
            "remove": {"json": [{"op": "remove", "path": pointer(path)}]},
            "parent": {"json": [{"op": "replace", "path": pointer(path[:-1]), "value": {}}]},
            "move": {"json": [{"op": "move", "from": pointer(path), "path": "/elsewhere"}]},
            "merge": {"merge": _nested(path)},
        }
        config = copy.deepcopy(base)
        config["clusters"][cluster]["additions"] = {"patches": [{"document": name} | patches[how]]}
        found = faults_of(lambda config=config: load("x", config))
        assert found, f"{how} of {pointer(path)} in {name} of {cluster}"
        assert all("patches[0]" in where for where in found)
        assert all("set by the fleet from" in text or "the fleet's own" in text for text in found.values()), found


def _nested(path: Path) -> Config:
    made: Any = "other"
    for step in reversed(path):
        made = {step: made}
    return dict(made)


@pytest.mark.parametrize("chart", [str(chart) for chart in Chart])
@pytest.mark.parametrize("where", ["istio", "cluster"])
def test_a_value_that_names_reach_is_refused_in_every_chart(chart: str, where: str) -> None:
    for path in sorted({path[1:] for *_, path in FOUND if path[0] == "values"}):
        values = {chart: _nested(path)}
        config = copy.deepcopy(TWO)
        if where == "istio":
            config["istio"] = {"values": values}
        else:
            config["clusters"]["west"]["istio"] = {"values": values}
        found = faults_of(lambda config=config: load("x", config))
        prefix = "istio.values" if where == "istio" else "clusters.west.istio.values"
        assert [text for place, text in found.items() if place.startswith(f"{prefix}.{chart}.")], path


@pytest.mark.parametrize("chart", [str(chart) for chart in Chart])
def test_every_owned_value_is_refused_with_the_field_that_owns_it(chart: str) -> None:
    for owned in VALUES.entries:
        path = tuple(step.replace("/*", "/any") for step in owned.path)
        config = TWO | {"istio": {"values": {chart: _nested(path)}}}
        found = faults_of(lambda config=config: load("x", config))
        assert owned.owner in found[f"istio.values.{chart}.{spelled(path)}"]


def test_what_the_fleet_says_again_is_refused_too() -> None:
    found = faults_of(lambda: fleet_with(istio={"values": {"istiod": {"global": {"network": "network-west"}}}}))
    assert found == {
        "istio.values.istiod.global.network": "is set by the fleet from clusters.<name>.network; change it there"
    }


def test_variables_that_an_istiod_process_needs_are_owned() -> None:
    for name in RESERVED_SETTINGS:
        assert any(fits(owned.path, ("env", name)) for owned in VALUES.entries), name


def test_what_only_a_run_knows_is_owned() -> None:
    for name in NAMES:
        for plan in fleet_plan(fleet_called(name)).values():
            for document in plan:
                prefix: Path = ("values",) if isinstance(document.body, Release) else ()
                table = VALUES if prefix else SECRETS
                for path, value in leaves(written(document.body)):
                    if isinstance(value, str) and value.startswith("<") and path[: len(prefix)] == prefix:
                        assert table.within(path[len(prefix) :]), (document.name, path)


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


def templates(fleet: Fleet, cluster: str) -> dict[str, str]:
    plan = cluster_plan(fleet, cluster)
    deployment = named(plan, "workload-deployment-web-v1")
    assert deployment is not None
    return {
        "workload": written(deployment.body)["spec"]["template"]["metadata"]["annotations"][ANNOTATION],
        "gateway": releases(plan)["east-west-gateway"].values["podAnnotations"][ANNOTATION],
    }


@pytest.mark.parametrize(
    ("chart", "values", "rolls"),
    [
        ("istiod", {"global": {"proxy": {"logLevel": "info"}}}, True),
        ("istiod", {"sidecarInjectorWebhook": {"templates": {"custom": "spec: {}"}}}, True),
        ("istiod", {"meshConfig": {"defaultConfig": {"holdApplicationUntilProxyStarts": True}}}, True),
        ("istiod", {"meshConfig": {"enablePrometheusMerge": False}}, True),
        ("istiod", {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}, True),
        ("istiod", {"cni": {"enabled": True}}, True),
        # What running proxies take up, or never see.
        ("istiod", {"meshConfig": {"enableTracing": True}}, False),
        ("istiod", {"resources": {"requests": {"cpu": "1"}}}, False),
        ("base", {"enableCRDTemplates": True}, False),
    ],
)
def test_added_values_roll_out_exactly_the_pods_that_are_injected_with_them(
    chart: str, values: Config, rolls: bool
) -> None:
    for cluster in ("west", "east"):
        before = templates(fleet_with(), cluster)
        by_value = templates(fleet_with(istio={"values": {chart: values}}), cluster)
        by_patch = templates(patched({"base": "istio-base"}.get(chart, chart), values=values), cluster)
        assert {kind for kind in before if before[kind] != by_value[kind]} == (set(before) if rolls else set())
        assert by_patch == by_value


def test_a_remote_cluster_is_injected_with_what_its_primary_adds() -> None:
    values = {"istiod": {"global": {"proxy": {"logLevel": "info"}}}}
    config = copy.deepcopy(WHOLE)
    config["clusters"]["west"]["istio"] = {"values": values}
    facts = {name: described(load("x", config), name)["workloads"].get("added") for name in config["clusters"]}
    assert facts == {
        "west": facts["east"],
        "east": {"values": {"global": {"proxy": {"logLevel": "info"}}}},
        "far": None,
    }


def test_a_long_template_is_in_the_annotation_as_its_digest() -> None:
    texts = ("spec: {}" * 1000, "spec: { }" * 1000)
    one, other = (
        templates(
            fleet_with(istio={"values": {"istiod": {"sidecarInjectorWebhook": {"templates": {"mine": text}}}}}), "west"
        )["workload"]
        for text in texts
    )
    assert one != other
    assert len(one) < 1000


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    one, other = (fleet_with(istio={"values": {"istiod": {"a": [number]}}}) for number in (1, 1.0))
    assert json.dumps(one.istio.values) == json.dumps(other.istio.values)


def test_proxy_metadata_is_among_what_every_pod_is_compared_with() -> None:
    metadata = {"istiod": {"meshConfig": {"defaultConfig": {"proxyMetadata": {"ISTIO_META_X": "y"}}}}}
    facts = json.loads(templates(fleet_with(istio={"values": metadata}), "west")["workload"])
    assert facts["proxyMetadata"] == {"PROXY_CONFIG_XDS_AGENT": "true", "ISTIO_META_X": "y"}


def test_an_istiod_process_has_the_added_environment() -> None:
    added = {"values": {"istiod": {"env": {"PILOT_DEBOUNCE_AFTER": "200ms"}}}}
    fleet = fleet_with(istio=added)
    assert process_settings(fleet, "west", "default")["PILOT_DEBOUNCE_AFTER"] == "200ms"
    assert process_settings(fleet, "west", "default")["ISTIO_MULTIROOT_MESH"] == "true"
    # An external one has that of its release, in the cluster that it runs in.
    config = copy.deepcopy(WHOLE)
    config["clusters"]["west"]["istio"] = added
    assert process_settings(load("x", config), "far", "blue")["PILOT_DEBOUNCE_AFTER"] == "200ms"
    config["clusters"]["far"]["istio"] = config["clusters"]["west"].pop("istio")
    assert "PILOT_DEBOUNCE_AFTER" not in process_settings(load("x", config), "far", "blue")


def test_the_configurations_of_the_sweeps_are_good() -> None:
    for config in (TWO, WHOLE, AMBIENT):
        assert addition_faults(load("x", config)) == []
    assert set(CONFIGURATIONS) & set(NAMES)
    assert ANY not in {step for owned in VALUES.entries for step in owned.path}
