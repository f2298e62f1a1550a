"""What becomes of the settings of a mesh, and of how its clusters read each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import fleet_plan
from meshfleet.manifests.injected import workload_facts
from meshfleet.manifests.mesh_settings import documents, mesh_config, mesh_objects
from meshfleet.manifests.objects import written
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.remote_secrets import Peer, reader_token, remote_kubeconfig
from meshfleet.topology import ControlPlane, Fleet, Namespace, load
from tests.examples import up_to
from tests.manifests.plans import istiods, named, values_of
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("settings of a mesh, declared once and equal in every primary", step=0)

quick = up_to(30)
COLLECTOR = {"service": "otel.tools.svc.cluster.local", "port": 4317}
OBJECTS = ("peer-authentication", "telemetry", "outlier-detection")


def fleet_with(**given_ones: Any) -> Fleet:
    """Two clusters, each in a region called as it is, in a mesh with these settings."""
    clusters: dict[str, dict[str, Any]] = {
        name: {"embedded": {}, "network": f"n-{name}", "region": name} for name in ("west", "east")
    }
    return load(
        "settings",
        {
            "host": "west",
            "meshes": {"mesh1": {"settings": given_ones}},
            "networks": {"n-west": {}, "n-east": {}},
            "clusters": clusters,
        },
    )


def _without_address(config: Any) -> Any:
    """Where its proxies find istiod is each control plane's own."""
    return config | {"defaultConfig": {k: v for k, v in config["defaultConfig"].items() if k != "discoveryAddress"}}


def _with_token(generation: int) -> Fleet:
    west = {"embedded": {}, "network": "n", "discovery": {"token": generation}}
    return load("tokens", {"networks": {"n": {}}, "clusters": {"west": west}})


def spec(fleet: Fleet, name: str) -> Any:
    return mesh_objects(fleet, "mesh1", "istio-system")[name]["spec"]


@quick
@given(loaded_fleets())
def test_every_control_plane_of_a_mesh_gets_the_same_bytes(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for mesh in fleet.meshes:
        written = {
            json.dumps(
                [
                    _without_address(istiod.values["meshConfig"]),
                    [values_of(found)["spec"] for name in OBJECTS if (found := named(plans[cluster], name))],
                ]
            )
            for cluster in fleet.primaries_of(mesh)
            for istiod in istiods(fleet, plans[cluster]).values()
        }
        assert len(written) == 1


@quick
@given(loaded_fleets())
def test_what_is_left_out_is_not_written(fleet: Fleet) -> None:
    for mesh, declared in fleet.meshes.items():
        given_ones = declared.settings
        config, made = mesh_config(fleet, mesh), mesh_objects(fleet, mesh, "istio-system")
        assert ("outboundTrafficPolicy" in config) == (given_ones.outbound_traffic_policy is not None)
        assert ("localityLbSetting" in config) == (given_ones.locality is not None)
        assert ("defaultHttpRetryPolicy" in config) == (given_ones.locality is not None)
        assert ("outlier-detection" in made) == (given_ones.locality is not None)
        assert ("extensionProviders" in config) == (given_ones.tracing is not None)
        assert ("peer-authentication" in made) == (given_ones.mtls is not None)
        assert ("serviceSettings" in config) == bool(given_ones.cluster_local)
        assert ("discoverySelectors" in config) == bool(given_ones.discovery_selectors)
        assert ("telemetry" in made) == (given_ones.access_log is not None or given_ones.tracing is not None)


def test_a_mesh_without_settings_is_configured_by_its_trust_domain_alone() -> None:
    fleet = fleet_with()
    assert mesh_config(fleet, "mesh1") == {"trustDomain": "cluster.local"}
    assert mesh_objects(fleet, "mesh1", "istio-system") == {}


def test_a_remote_cluster_gets_no_object_since_another_control_plane_serves_it() -> None:
    fleet = fleet_with(mtls="strict", locality={}, accessLog={})
    east = fleet.clusters["east"].model_copy(update={"control_plane": ControlPlane.model_validate({"remote": "west"})})
    fleet = fleet.model_copy(update={"clusters": fleet.clusters | {"east": east}})
    assert [document.name for document in documents(fleet, "west", Placeholders(fleet))] == list(OBJECTS)
    assert documents(fleet, "east", Placeholders(fleet)) == []


@pytest.mark.parametrize(("mode", "written"), [("strict", "STRICT"), ("permissive", "PERMISSIVE")])
def test_mutual_tls_is_a_policy_of_the_root_namespace_that_selects_everything(mode: str, written: str) -> None:
    made = mesh_objects(fleet_with(mtls=mode), "mesh1", "istio-system")["peer-authentication"]
    assert (made["apiVersion"], made["kind"]) == ("security.istio.io/v1", "PeerAuthentication")
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("default", "istio-system")
    assert made["spec"] == {"mtls": {"mode": written}}


@pytest.mark.parametrize(("policy", "mode"), [("allow-any", "ALLOW_ANY"), ("registry-only", "REGISTRY_ONLY")])
def test_the_outbound_traffic_policy_is_one_of_the_mesh_configuration(policy: str, mode: str) -> None:
    assert mesh_config(fleet_with(outboundTrafficPolicy=policy), "mesh1")["outboundTrafficPolicy"] == {"mode": mode}


def test_failover_keeps_its_order_and_comes_with_what_makes_it_work() -> None:
    ways = [{"from": "west", "to": "east"}, {"from": "east", "to": "west"}]
    fleet = fleet_with(locality={"failover": ways, "outlierDetection": {"intervalSeconds": 3}})
    assert mesh_config(fleet, "mesh1")["localityLbSetting"] == {"enabled": True, "failover": ways}
    rule = spec(fleet, "outlier-detection")
    assert rule["host"] == "*.local"
    assert rule["trafficPolicy"] == {
        "outlierDetection": {
            "consecutive5xxErrors": 0,
            "consecutiveGatewayErrors": 5,
            "interval": "3s",
            "baseEjectionTime": "30s",
            "maxEjectionPercent": 100,
        }
    }


@pytest.mark.parametrize("locality", [{}, {"failover": [{"from": "west", "to": "east"}]}])
def test_with_locality_the_last_try_of_a_request_is_in_another_region_and_silence_ends_the_others(
    locality: Any,
) -> None:
    config = mesh_config(fleet_with(locality=locality), "mesh1")
    assert config["defaultHttpRetryPolicy"] == {"attempts": 2, "retryRemoteLocalities": True}
    assert config["connectTimeout"] == "1s"


def test_locality_without_failover_leaves_the_regions_to_istio() -> None:
    fleet = fleet_with(locality={})
    assert mesh_config(fleet, "mesh1")["localityLbSetting"] == {"enabled": True}
    assert "outlier-detection" in mesh_objects(fleet, "mesh1", "istio-system")


def test_access_log_and_tracing_are_in_one_telemetry_object_as_istiod_heeds_one_only() -> None:
    fleet = fleet_with(accessLog={}, tracing={"samplingPercentage": 5, "opentelemetry": COLLECTOR})
    made = mesh_objects(fleet, "mesh1", "istio-system")["telemetry"]
    assert (made["apiVersion"], made["metadata"]["namespace"]) == ("telemetry.istio.io/v1", "istio-system")
    assert made["spec"] == {
        "accessLogging": [{"providers": [{"name": "envoy"}]}],
        "tracing": [{"providers": [{"name": "mesh-tracing"}], "randomSamplingPercentage": 5}],
    }


def test_an_access_log_that_is_off_says_so_and_its_format_is_kept_for_later() -> None:
    fleet = fleet_with(accessLog={"enabled": False, "format": "%PROTOCOL%"})
    assert spec(fleet, "telemetry") == {"accessLogging": [{"providers": [{"name": "envoy"}], "disabled": True}]}
    assert mesh_config(fleet, "mesh1").keys() == {"trustDomain"}


@pytest.mark.parametrize(
    ("log", "written"),
    [
        ({}, {}),
        ({"format": "%PROTOCOL%\n"}, {"accessLogFormat": "%PROTOCOL%\n"}),
        ({"encoding": "json"}, {"accessLogEncoding": "JSON"}),
        ({"encoding": "json", "format": '{"a": "b"}'}, {"accessLogEncoding": "JSON", "accessLogFormat": '{"a": "b"}'}),
    ],
)
def test_the_form_of_the_access_log_is_one_of_the_mesh_configuration(
    log: dict[str, str], written: dict[str, str]
) -> None:
    config = mesh_config(fleet_with(accessLog=log), "mesh1")
    assert {key: value for key, value in config.items() if key != "trustDomain"} == written


@pytest.mark.parametrize("kind", ["opentelemetry", "zipkin"])
def test_a_collector_is_a_provider_that_the_telemetry_object_names(kind: str) -> None:
    fleet = fleet_with(tracing={kind: COLLECTOR})
    (provider,) = mesh_config(fleet, "mesh1")["extensionProviders"]
    assert provider == {"name": provider["name"], kind: COLLECTOR}
    assert provider["name"] not in ("prometheus", "stackdriver", "envoy")
    # How many are traced is left to istiod.
    assert spec(fleet, "telemetry") == {"tracing": [{"providers": [{"name": provider["name"]}]}]}


def test_cluster_local_services_are_one_setting_of_the_mesh_configuration() -> None:
    hosts = ["cart.shop.svc.cluster.local", "*.monitoring.svc.cluster.local"]
    config = mesh_config(fleet_with(clusterLocal=hosts), "mesh1")
    assert config["serviceSettings"] == [{"settings": {"clusterLocal": True}, "hosts": hosts}]


@pytest.mark.parametrize("cluster", ["west", "east"])
def test_dns_capture_is_in_the_injected_environment_and_restarts_the_pods_of_the_fleet(cluster: str) -> None:
    captured, other = fleet_with(dnsCapture=True), fleet_with(dnsCapture=False)
    variable = {"ISTIO_META_DNS_CAPTURE": "true"}
    for fleet, added in ((captured, variable), (other, {})):
        (istiod,) = istiods(fleet, fleet_plan(fleet)[cluster]).values()
        metadata = istiod.values["meshConfig"]["defaultConfig"]["proxyMetadata"]
        assert metadata == workload_facts(fleet, cluster)["proxyMetadata"] == {"PROXY_CONFIG_XDS_AGENT": "true"} | added


def test_discovery_selectors_are_as_declared_and_then_those_of_the_fleet() -> None:
    declared = [
        {"matchLabels": {"shared": "yes"}},
        {
            "matchExpressions": [
                {"key": "team", "operator": "NotIn", "values": ["x"]},
                {"key": "a", "operator": "Exists"},
            ]
        },
    ]
    config = mesh_config(fleet_with(discoverySelectors=declared), "mesh1")
    assert config["discoverySelectors"] == [*declared, {"matchLabels": {"app.kubernetes.io/managed-by": "meshfleet"}}]


@pytest.mark.parametrize(
    ("service", "namespace"),
    [
        ("otel.tools.svc.cluster.local", "tools"),
        ("tools/otel.example", "tools"),
        # The fleet's own is discovered already, and the namespace of another name is not in it.
        ("otel.shop.svc.cluster.local", None),
        ("otel.example", None),
    ],
)
def test_the_namespace_of_the_collector_is_discovered_as_well(service: str, namespace: str | None) -> None:
    given_ones = {
        "discoverySelectors": [{"matchLabels": {"shared": "yes"}}],
        "tracing": {"zipkin": {"service": service, "port": 9411}},
    }
    fleet = fleet_with(**given_ones)
    fleet = fleet.model_copy(update={"namespaces": {"shop": Namespace()}})
    _, _, *more = mesh_config(fleet, "mesh1")["discoverySelectors"]
    assert more == ([{"matchLabels": {"kubernetes.io/metadata.name": namespace}}] if namespace else [])


def selected(selectors: list[Any], labels: dict[str, str]) -> bool:
    """Whether a namespace with these labels meets one of the selectors (LabelSelectorAsSelector of istiod)."""
    tests: dict[str, Callable[[str | None, Any], bool]] = {
        "In": lambda has, values: has in values,
        "NotIn": lambda has, values: has not in values,
        "Exists": lambda has, _: has is not None,
        "DoesNotExist": lambda has, _: has is None,
    }
    return any(
        all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
        and all(
            tests[one["operator"]](labels.get(one["key"]), one.get("values"))
            for one in selector.get("matchExpressions", ())
        )
        for selector in selectors
    )


@quick
@given(loaded_fleets())
def test_every_namespace_that_a_document_is_in_is_discovered(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        bodies = [written(document.body) for document in plan]
        namespaces = {body["metadata"]["name"]: body for body in bodies if body.get("kind") == "Namespace"}
        used = {body["namespace"] if "release" in body else body["metadata"].get("namespace") for body in bodies}
        # Propagated objects may be in `default`, which is not of the fleet and is discovered as the selectors say.
        assert used - {None} <= namespaces.keys() | {"default", "kube-system"}
        selectors = mesh_config(fleet, fleet.mesh_of(cluster)).get("discoverySelectors", [])
        for body in namespaces.values() if selectors else ():
            assert selected(selectors, body["metadata"]["labels"])


def test_selectors_alone_leave_out_a_namespace_without_their_labels() -> None:
    config = mesh_config(fleet_with(discoverySelectors=[{"matchLabels": {"shared": "yes"}}]), "mesh1")
    assert selected(config["discoverySelectors"], {"shared": "yes"})
    assert not selected(config["discoverySelectors"], {"shared": "no", "kubernetes.io/metadata.name": "other"})


def test_each_generation_of_a_token_has_a_name_of_its_own_and_the_first_that_of_istioctl() -> None:
    names = [reader_token(_with_token(generation), "west")["metadata"]["name"] for generation in (1, 2, 3)]
    first = "istio-reader-service-account-istio-remote-secret-token"
    assert names == [first, f"{first}-2", f"{first}-3"]


def test_a_peers_kubeconfig_names_what_to_check_the_certificate_for_only_where_it_is_given() -> None:
    def cluster(name: str | None) -> Any:
        text = remote_kubeconfig(Peer("west", "https://west.example", "Q0E=", "token", name))
        return json.loads(text)["clusters"][0]["cluster"]

    assert cluster(None) == {"certificate-authority-data": "Q0E=", "server": "https://west.example"}
    assert cluster("api.west")["tls-server-name"] == "api.west"


def test_a_peers_kubeconfig_is_another_one_when_another_control_plane_serves_the_peer() -> None:
    texts = {
        primary: remote_kubeconfig(Peer("west", "https://west.example", "Q0E=", "token", primary=primary))
        for primary in (None, "host", "east")
    }
    assert len(set(texts.values())) == 3
    assert "extensions" not in json.loads(texts[None])
