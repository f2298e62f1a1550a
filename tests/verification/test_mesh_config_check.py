"""The mesh configuration of each istiod: the same in a mesh, with what the stack declares; what differs is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.verification import ClusterView, Finding, FleetView, istiod
from meshfleet.verification.checks.mesh_config import PER_CLUSTER, SHOWN, MeshConfig, flat, judge
from meshfleet.verification.view import RootObject

pytestmark = pytest.mark.proof("the control planes of a mesh have the same, declared settings", step=0)

# What the stack of the recorded istiod declares, as its status told it: the engine makes numbers doubles.
DECLARED = {
    "trustDomain": "cluster.local",
    "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
    "localityLbSetting": {
        "enabled": True,
        "failover": [{"from": "west", "to": "east"}, {"from": "east", "to": "west"}],
    },
    "accessLogEncoding": "JSON",
    "extensionProviders": [
        {
            "name": "mesh-tracing",
            "opentelemetry": {"service": "collector.observability.svc.cluster.local", "port": 4317.0},
        }
    ],
}
OBJECTS = (
    RootObject("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}}),
    RootObject(
        "Telemetry",
        "mesh-default",
        {
            "accessLogging": [{"providers": [{"name": "envoy"}]}],
            "tracing": [{"providers": [{"name": "mesh-tracing"}], "randomSamplingPercentage": 12.5}],
        },
    ),
    RootObject(
        "DestinationRule",
        "mesh-outlier-detection",
        {
            "host": "*.local",
            "trafficPolicy": {
                "outlierDetection": {
                    "consecutive5xxErrors": 0.0,
                    "consecutiveGatewayErrors": 5.0,
                    "interval": "10s",
                    "baseEjectionTime": "30s",
                    "maxEjectionPercent": 100.0,
                }
            },
        },
    ),
)

Recorded = Callable[[str], Any]


@pytest.fixture
def declared(fleet: FleetView) -> FleetView:
    """The fleet with the settings of the recorded istiod."""
    mesh1, mesh2 = fleet.meshes
    return replace(fleet, meshes=(replace(mesh1, mesh_config=DECLARED, objects=OBJECTS), mesh2))


def judged(fleet: FleetView, own: Any, others: Any, configz: Any) -> Finding:
    """East, compared with west."""
    west, east, _ = fleet.clusters
    return judge(fleet, east, own, istiod.root_objects(configz, "istio-system"), west, others)


def changed(result: Any, *path: Any, to: Any = None) -> Any:
    """A copy with another value at a path, or without it."""
    result = copy.deepcopy(result)
    inner = result
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return result


def test_an_istiod_with_all_that_is_declared_holds(declared: FleetView, recorded: Recorded) -> None:
    mesh, configz = recorded("mesh.json"), recorded("configz.json")
    finding = judged(declared, mesh, mesh, configz)
    assert finding.passed, finding.detail
    assert "configuration of mesh mesh1, the same as that of west" in finding.detail
    assert "outboundTrafficPolicy, trustDomain, PeerAuthentication, Telemetry, DestinationRule" in finding.detail


def test_a_mesh_without_settings_holds_when_its_control_planes_are_the_same(
    fleet: FleetView, recorded: Recorded
) -> None:
    mesh = recorded("mesh.json")
    assert judged(fleet, mesh, mesh, []).passed


def test_what_is_rightly_per_cluster_may_differ(fleet: FleetView, recorded: Recorded) -> None:
    mesh = recorded("mesh.json")
    other = changed(mesh, "defaultConfig", "discoveryAddress", to="istiod.external:15012")
    other = changed(other, "defaultConfig", "proxyMetadata", to={"ISTIO_META_NETWORK": "elsewhere"})
    assert judged(fleet, mesh, other, []).passed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"path": ("localityLbSetting", "failover", 0, "to"), "to": "north"},
            "localityLbSetting.failover[0].to is 'north' in east and 'east' in west",
        ),
        ({"path": ("accessLogEncoding",)}, "accessLogEncoding is not set in east and 'JSON' in west"),
        (
            {"path": ("defaultConfig", "proxyMetadata"), "to": {"ISTIO_META_DNS_CAPTURE": "true"}},
            "defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE is 'true' in east and not set in west",
        ),
        (
            {"path": ("extensionProviders", 3, "opentelemetry", "port"), "to": 4318},
            "extensionProviders[mesh-tracing].opentelemetry.port is 4318 in east and 4317 in west",
        ),
        ({"path": ("meshMTLS",), "to": {"minProtocolVersion": "TLSV1_3"}}, "meshMTLS.minProtocolVersion is 'TLSV1_3'"),
    ],
)
def test_a_control_plane_that_came_to_differ_is_reported_by_the_path_and_both_values(
    fleet: FleetView, recorded: Recorded, change: dict[str, Any], told: str
) -> None:
    mesh = recorded("mesh.json")
    finding = judged(fleet, changed(mesh, *change["path"], to=change.get("to")), mesh, [])
    assert not finding.passed
    assert told in finding.detail
    assert "`helm rollback istiod REVISION` restores it" in finding.detail


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (
            ("outboundTrafficPolicy",),
            {"mode": "ALLOW_ANY"},
            "outboundTrafficPolicy.mode of the mesh configuration is 'ALLOW_ANY', the stack declares 'REGISTRY_ONLY'",
        ),
        (
            ("localityLbSetting", "failover"),
            None,
            "localityLbSetting.failover[0].from of the mesh configuration is not set, the stack declares 'west'",
        ),
        (
            ("trustDomain",),
            "other",
            "trustDomain of the mesh configuration is 'other', the stack declares 'cluster.local'",
        ),
    ],
)
def test_a_setting_that_no_control_plane_has_is_reported_as_the_stack_has_it(
    declared: FleetView, recorded: Recorded, path: tuple[str, ...], to: Any, told: str
) -> None:
    mesh = changed(recorded("mesh.json"), *path, to=to)
    finding = judged(declared, mesh, mesh, recorded("configz.json"))
    assert not finding.passed
    assert told in finding.detail


CLUSTER_LOCAL = [{"settings": {"clusterLocal": True}, "hosts": ["cart.shop.svc.cluster.local"]}]
SELECTORS = [{"matchLabels": {"shared": "yes"}}]


@pytest.mark.parametrize(
    ("field", "reported", "told"),
    [
        ("serviceSettings", CLUSTER_LOCAL, ""),
        ("discoverySelectors", SELECTORS, ""),
        ("serviceSettings", [], "serviceSettings[0].hosts[0] of the mesh configuration is not set"),
        (
            "serviceSettings",
            [{"settings": {}, "hosts": ["cart.shop.svc.cluster.local"]}],
            "serviceSettings[0].settings.clusterLocal of the mesh configuration is not set, the stack declares true",
        ),
        (
            "serviceSettings",
            [*CLUSTER_LOCAL, {"settings": {"clusterLocal": True}, "hosts": ["*"]}],
            "serviceSettings[1].hosts[0] of the mesh configuration is '*', the stack declares none",
        ),
        (
            "discoverySelectors",
            [{"matchLabels": {"shared": "no"}}],
            "discoverySelectors[0].matchLabels.shared of the mesh configuration is 'no', the stack declares 'yes'",
        ),
        (
            "discoverySelectors",
            [*SELECTORS, {}],
            "discoverySelectors[1] of the mesh configuration is {}, the stack declares none",
        ),
        (
            "discoverySelectors",
            [{"matchLabels": {"shared": "yes", "team": "a"}}],
            "discoverySelectors[0].matchLabels.team of the mesh configuration is 'a', the stack declares none",
        ),
    ],
)
def test_services_and_selectors_are_those_of_the_stack_and_no_others(
    fleet: FleetView, recorded: Recorded, field: str, reported: Any, told: str
) -> None:
    mesh1, mesh2 = fleet.meshes
    config = {"serviceSettings": CLUSTER_LOCAL, "discoverySelectors": SELECTORS}
    declared = replace(fleet, meshes=(replace(mesh1, mesh_config=config), mesh2))
    mesh = recorded("mesh.json") | config | {field: reported}
    # The same in all control planes, so that no comparison with another one reports it.
    finding = judged(declared, mesh, mesh, [])
    assert finding.passed == (not told)
    assert told in finding.detail


@pytest.mark.parametrize(("field", "value"), [("serviceSettings", CLUSTER_LOCAL), ("discoverySelectors", SELECTORS)])
def test_where_the_stack_declares_none_there_are_none(
    fleet: FleetView, recorded: Recorded, field: str, value: Any
) -> None:
    mesh = recorded("mesh.json") | {field: value}
    finding = judged(fleet, mesh, mesh, [])
    assert not finding.passed
    assert f"{field}[0]." in finding.detail
    assert "the stack declares none" in finding.detail


def test_a_declared_object_that_is_missing_or_changed_is_named(declared: FleetView, recorded: Recorded) -> None:
    mesh, configz = recorded("mesh.json"), recorded("configz.json")
    configz = [entry for entry in configz if entry["kind"] != "PeerAuthentication"]
    telemetry = next(position for position, entry in enumerate(configz) if entry["kind"] == "Telemetry")
    configz = changed(configz, telemetry, "spec", "tracing", 0, "randomSamplingPercentage", to=100)
    finding = judged(declared, mesh, mesh, configz)
    assert not finding.passed
    assert "PeerAuthentication default is missing" in finding.detail
    difference = "tracing[0].randomSamplingPercentage of Telemetry mesh-default is 100, the stack declares 12.5"
    assert difference in finding.detail
    assert finding.detail.endswith("Run `meshfleet up --refresh`")


def test_an_object_of_another_namespace_is_none_of_the_root_namespace(declared: FleetView, recorded: Recorded) -> None:
    mesh, configz = recorded("mesh.json"), recorded("configz.json")
    for entry in configz:
        entry["metadata"]["namespace"] = "sample"
    finding = judged(declared, mesh, mesh, configz)
    assert "PeerAuthentication default is missing" in finding.detail


def test_of_many_differences_the_first_are_named_and_the_rest_counted(fleet: FleetView, recorded: Recorded) -> None:
    mesh = recorded("mesh.json")
    other = {"trustDomain": "other"}
    finding = judged(fleet, mesh, other, [])
    assert finding.detail.count(" in west") == 3
    assert f"; and {len(set(flat(mesh)) - PER_CLUSTER) - SHOWN} more" in finding.detail


def test_the_release_of_a_revision_is_named_by_it(fleet: FleetView, recorded: Recorded) -> None:
    west, east, solo = fleet.clusters
    east = replace(east, control_plane=replace(east.control_plane, revision="blue"))
    mesh = recorded("mesh.json")
    finding = judge(replace(fleet, clusters=(west, east, solo)), east, mesh, {}, west, {})
    assert "the ConfigMap istio-blue of east" in finding.detail
    assert "`helm rollback istiod-blue REVISION`" in finding.detail


def at(cluster: ClusterView, url: str) -> ClusterView:
    return replace(cluster, control_plane=replace(cluster.control_plane, debug_url=url))


def test_each_istiod_is_queried_and_compared_with_the_first_of_its_own_mesh(
    declared: FleetView, recorded: Recorded, serve: Callable[..., Any]
) -> None:
    mesh, configz = recorded("mesh.json"), recorded("configz.json")
    results = {"GET /debug/mesh": (200, mesh), "GET /debug/configz": (200, configz)}
    first, second = serve(results), serve(results)
    # A mesh of its own, whose configuration is another one.
    alone = serve({"GET /debug/mesh": (200, changed(mesh, "trustDomain", to="mesh2.example"))})
    west, east, solo = declared.clusters
    fleet = replace(declared, clusters=(at(west, first.url), at(east, second.url), at(solo, alone.url)))
    answered = {result.cluster: result for result in MeshConfig().run(fleet, timeout=1)}
    assert [name for name, result in answered.items() if not result.ok] == []
    assert len(first.requests) == 3
    assert len(second.requests) == 2
    assert [path for path, _ in alone.requests] == ["GET /debug/mesh"]


def test_an_istiod_that_is_not_there_to_be_compared_with_is_named(
    fleet: FleetView, recorded: Recorded, serve: Callable[..., Any], closed_url: str
) -> None:
    server = serve({"GET /debug/mesh": (200, recorded("mesh.json"))})
    west, east, solo = fleet.clusters
    fleet = replace(fleet, clusters=(at(west, closed_url), at(east, server.url), solo))
    result = MeshConfig().run_on(fleet, fleet.clusters[1], 0.1)
    assert not result.ok
    assert f"the istiod of west (default) at {closed_url}/debug/mesh does not respond" in result.detail


TREES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), TREES, max_size=4))
def test_any_configuration_has_all_of_itself(tree: dict[str, Any]) -> None:
    assert flat(copy.deepcopy(tree)) == flat(tree)
    assert set(flat(tree)) == set(flat(tree) | flat(copy.deepcopy(tree)))
    assert bool(flat(tree)) == bool(tree)
