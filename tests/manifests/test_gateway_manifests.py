"""Gateways in plans: what charts and objects are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import Document, fleet_plan
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import Fleet, IngressGateway, load
from tests.examples import up_to
from tests.manifests.plans import named, releases, values_of
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("gateways of clusters, of networks and from outside", step=0)

quick = up_to(20)


def fleet_with(
    networks: dict[str, Any] | None = None, namespaces: dict[str, Any] | None = None, **clusters: dict[str, Any]
) -> Fleet:
    """Two clusters on the network `shared` and one on `far`, with the fields given."""
    places = {"west": "shared", "east": "shared", "north": "far"}
    declared = {name: {"embedded": {}, "network": network} | clusters.get(name, {}) for name, network in places.items()}
    placed: dict[str, Any] = {"shared": {}, "far": {}} | (networks or {})
    config = {"host": "west", "clusters": declared, "networks": placed, "namespaces": namespaces or {}}
    return load("g", config)


def mesh_networks(fleet: Fleet) -> dict[str, Any]:
    """What each cluster's istiod chart is told of networks; a cluster is left out when it is told nothing."""
    plans = fleet_plan(fleet)
    istiod = istiod_service(fleet.istio.revision)
    found = {cluster: releases(plan)[istiod].values["global"].get("meshNetworks") for cluster, plan in plans.items()}
    return {cluster: networks for cluster, networks in found.items() if networks is not None}


def test_declared_gateways_reach_every_control_plane_in_the_same_bytes() -> None:
    declared = {"shared": {"gateways": [{"address": "203.0.113.7"}, {"address": "lb.west.example", "port": 443}]}}
    expected = {
        "shared": {
            "endpoints": [{"fromRegistry": "east"}, {"fromRegistry": "west"}],
            "gateways": [{"address": "203.0.113.7", "port": 15443}, {"address": "lb.west.example", "port": 443}],
        }
    }
    assert mesh_networks(fleet_with(declared)) == dict.fromkeys(("west", "east", "north"), expected)


def test_a_remote_cluster_is_on_its_network_and_gets_no_settings() -> None:
    declared = {"shared": {"gateways": [{"address": "203.0.113.7"}]}}
    told = mesh_networks(fleet_with(declared, east={"controlPlane": {"remote": "west"}}))
    assert told.keys() == {"west", "north"}
    assert told["west"]["shared"]["endpoints"] == [{"fromRegistry": "east"}, {"fromRegistry": "west"}]


def test_another_mesh_gets_nothing() -> None:
    config = {
        "host": "west",
        "meshes": {"one": {}, "two": {}},
        "networks": {"a": {"gateways": [{"address": "203.0.113.7"}]}, "b": {}, "c": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "a", "mesh": "one"},
            "east": {"embedded": {}, "network": "b", "mesh": "one"},
            "solo": {"embedded": {}, "network": "c", "mesh": "two"},
        },
    }
    assert mesh_networks(load("g", config)).keys() == {"west", "east"}


@quick
@given(loaded_fleets())
def test_nothing_is_said_of_networks_without_declared_or_advertised_gateways(fleet: Fleet) -> None:
    declared = {name for name, network in fleet.networks.items() if network.gateways}
    for cluster, networks in mesh_networks(fleet).items():
        mesh = fleet.mesh_of(cluster)
        leading = [one for one in fleet.members_of(mesh) if fleet.is_network_gateway(one)]
        advertised = {fleet.gateway_network(one) for one in leading if fleet.advertised_to(one, cluster)}
        assert networks.keys() == declared & set(fleet.networks_of(mesh)) | advertised


def on_real_nodes(**west: Any) -> Fleet:
    """Two clusters whose pods really run, each on a network of its own, with the fields given to one of them."""
    clusters = {
        name: {"existing": {"kubeconfig": f"{name}.yaml", "context": name}, "network": f"network-{name}"}
        for name in ("west", "east")
    }
    clusters["west"] |= west
    networks: dict[str, Any] = {"network-west": {}, "network-east": {}}
    return load("g", {"host": "west", "clusters": clusters, "networks": networks})


def east_west(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The values of a cluster's east-west gateway."""
    return releases(fleet_plan(fleet)[cluster])["east-west-gateway"].values


def test_clusters_that_share_a_network_each_have_a_gateway_into_it() -> None:
    fleet = fleet_with()
    networks = {cluster: east_west(fleet, cluster)["networkGateway"] for cluster in fleet.clusters}
    assert networks == {"west": "shared", "east": "shared", "north": "far"}


def test_an_east_west_gateway_has_the_address_and_the_pods_it_requests() -> None:
    asked = {"eastWestGateway": {"loadBalancerIp": "203.0.113.7", "replicas": 7}}
    simulated = east_west(fleet_with(west=asked), "west")
    assert simulated["service"] == {"allocateLoadBalancerNodePorts": False, "loadBalancerIP": "203.0.113.7"}
    assert (simulated["replicaCount"], simulated["autoscaling"]) == (7, {"enabled": False})
    running = east_west(on_real_nodes(**asked), "west")
    assert running["service"] == simulated["service"]
    # As many as are asked for at least, and no fewer than that at most.
    assert running["autoscaling"] == {"minReplicas": 7, "maxReplicas": 7}
    assert "replicaCount" not in running


def test_a_gateway_that_requests_nothing_gets_no_values_for_it() -> None:
    values = east_west(on_real_nodes(), "west")
    of_the_network = {"networkGateway", "networkGatewayPorts", "podAnnotations"}
    assert values.keys() == {"name", "service", *of_the_network}
    assert values["service"] == {"allocateLoadBalancerNodePorts": False}


def test_istiod_gets_a_port_that_is_not_its_own_choice() -> None:
    values = east_west(fleet_with(west={"eastWestGateway": {"port": 443}}), "west")
    assert values["labels"] == {"networking.istio.io/gatewayPort": "443"}
    assert values["networkGatewayPorts"]["tls"] == {"port": 443, "targetPort": 15443}
    assert "labels" not in east_west(fleet_with(), "west")


def test_an_ambient_gateway_has_its_address_and_pods_by_its_gateway_and_options() -> None:
    gateway = {"eastWestGateway": {"loadBalancerIp": "203.0.113.7", "replicas": 2}}
    config = {
        "host": "west",
        "networks": {"a": {}, "b": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "a", "dataPlane": "ambient"} | gateway,
            "east": {"embedded": {}, "network": "b", "dataPlane": "ambient"},
        },
    }
    plan = fleet_plan(load("g", config))["west"]
    made, options = body(plan, "east-west-gateway"), body(plan, "east-west-gateway-options")
    assert made["spec"]["addresses"] == [{"type": "IPAddress", "value": "203.0.113.7"}]
    assert options["data"]["deployment"] == "spec:\n  replicas: 2\n"


LISTENERS = [
    {"port": 80, "hosts": ["shop.example", "www.shop.example"]},
    {"port": 443, "protocol": "HTTPS", "hosts": ["shop.example"], "credentialName": "shop"},
    {"port": 443, "protocol": "TLS", "hosts": ["*.pass.example"]},
    {"port": 8443, "protocol": "TLS", "credentialName": "own"},
]


def test_a_gateway_of_istios_chart_has_a_port_for_each_port_and_a_server_for_each_listener() -> None:
    declared = {"shop": {"api": "istio", "namespace": "ingress", "listeners": LISTENERS}}
    plan = fleet_plan(fleet_with(west={"ingressGateways": declared}, namespaces={"ingress": {}}))["west"]
    release = releases(plan)["ingress-gateway-shop"]
    assert (release.name, release.namespace, str(release.chart)) == ("shop", "ingress", "gateway")
    ports = [(port["name"], port["port"], port["targetPort"]) for port in release.values["service"]["ports"]]
    assert ports == [
        ("status-port", 15021, 15021),
        ("http-80", 80, 80),
        ("https-443", 443, 443),
        ("tls-8443", 8443, 8443),
    ]
    gateway = body(plan, "ingress-listeners-shop")
    assert (gateway["apiVersion"], gateway["metadata"]["namespace"]) == ("networking.istio.io/v1", "ingress")
    assert gateway["spec"]["selector"] == release.values["labels"]
    assert gateway["spec"]["servers"] == [
        {
            "port": {"number": 80, "name": "http-80", "protocol": "HTTP"},
            "hosts": ["shop.example", "www.shop.example"],
        },
        {
            "port": {"number": 443, "name": "https-443", "protocol": "HTTPS"},
            "hosts": ["shop.example"],
            "tls": {"mode": "SIMPLE", "credentialName": "shop"},
        },
        {
            "port": {"number": 443, "name": "tls-443", "protocol": "TLS"},
            "hosts": ["*.pass.example"],
            "tls": {"mode": "PASSTHROUGH"},
        },
        {
            "port": {"number": 8443, "name": "tls-8443", "protocol": "TLS"},
            "hosts": ["*"],
            "tls": {"mode": "SIMPLE", "credentialName": "own"},
        },
    ]
    assert [document.name for document in plan if document.name == "gateway-api"] == []
    names = [document.name for document in plan]
    assert names.index("namespace-ingress") < names.index("ingress-gateway-shop")


def test_a_gateway_of_the_gateway_api_has_a_listener_for_each_host() -> None:
    declared = {
        "shop": {
            "api": "gateway",
            "listeners": LISTENERS,
            "loadBalancerIp": "203.0.113.7",
            "serviceAnnotations": {"example/internal": "true"},
        }
    }
    plan = fleet_plan(fleet_with(west={"ingressGateways": declared}))["west"]
    gateway = body(plan, "ingress-gateway-shop")
    assert gateway["metadata"]["namespace"] == "istio-system"
    spec = gateway["spec"]
    assert spec["gatewayClassName"] == "istio"
    assert spec["addresses"] == [{"type": "IPAddress", "value": "203.0.113.7"}]
    assert spec["infrastructure"]["annotations"] == {"example/internal": "true"}
    assert spec["infrastructure"]["parametersRef"]["name"] == body(plan, "ingress-options-shop")["metadata"]["name"]
    listeners = [(one["name"], one["port"], one.get("hostname"), one.get("tls")) for one in spec["listeners"]]
    assert listeners == [
        ("http-80", 80, "shop.example", None),
        ("http-80-2", 80, "www.shop.example", None),
        ("https-443", 443, "shop.example", {"mode": "Terminate", "certificateRefs": [{"name": "shop"}]}),
        ("tls-443", 443, "*.pass.example", {"mode": "Passthrough"}),
        ("tls-8443", 8443, None, {"mode": "Terminate", "certificateRefs": [{"name": "own"}]}),
    ]


def test_the_gateway_api_comes_to_simulated_clusters_that_use_it() -> None:
    declared = {"ingressGateways": {"shop": {"api": "gateway", "listeners": [{"port": 80}]}}}
    plans = fleet_plan(fleet_with(west=declared))
    names = {cluster: [document.name for document in plan] for cluster, plan in plans.items()}
    assert {cluster for cluster, found in names.items() if "gateway-api" in found} == {"west"}
    assert names["west"].index("gateway-api") < names["west"].index("istio-base")
    # What is in a cluster of a stranger beside Istio is theirs.
    assert "gateway-api" not in [document.name for document in fleet_plan(on_real_nodes(**declared))["west"]]


def served_by_one(config: dict[str, Any]) -> Fleet:
    """A primary, a remote cluster that comes before it, and one more, with the gateways of `config` by cluster."""
    clusters = {
        name: {"embedded": {}, "network": f"network-{name}", "ingressGateways": config.get(name, {})}
        | ({} if name == "west" else {"controlPlane": {"remote": "west"}})
        for name in ("annex", "west", "branch")
    }
    networks: dict[str, Any] = {f"network-{name}": {} for name in clusters}
    return load("g", {"host": "west", "clusters": clusters, "networks": networks, "namespaces": {"ingress": {}}})


def test_the_chart_of_a_gateway_is_in_the_remote_cluster_and_its_gateway_in_the_primary() -> None:
    declared = {"shop": {"api": "istio", "namespace": "ingress", "listeners": LISTENERS}}
    plans = fleet_plan(served_by_one({"branch": declared}))
    ingress = {
        cluster: [document.name for document in plan if document.name.startswith("ingress-")]
        for cluster, plan in plans.items()
    }
    assert ingress == {
        "annex": [],
        "west": ["ingress-listeners-branch-shop"],
        "branch": ["ingress-gateway-shop"],
    }
    release = releases(plans["branch"])["ingress-gateway-shop"]
    assert (release.name, release.namespace) == ("shop", "ingress")
    gateway = body(plans["west"], "ingress-listeners-branch-shop")
    assert (gateway["metadata"]["name"], gateway["metadata"]["namespace"]) == ("branch-shop", "ingress")
    assert gateway["spec"]["selector"] == release.values["labels"]
    assert gateway["spec"]["servers"][1]["tls"] == {"mode": "SIMPLE", "credentialName": "shop"}


def test_the_config_cluster_of_an_external_istiod_has_the_gateways_of_its_remote_clusters() -> None:
    declared = {"shop": {"api": "istio", "listeners": [{"port": 80}]}}
    planes = {"west": "own", "config": {"external": "west"}, "kiosk": {"remote": "config"}}
    clusters = {
        name: {"embedded": {}, "network": f"network-{name}", "controlPlane": plane}
        | {"mesh": "operations" if name == "west" else "shop"}
        | ({} if name == "west" else {"ingressGateways": declared})
        for name, plane in planes.items()
    }
    networks: dict[str, Any] = {f"network-{name}": {} for name in clusters}
    meshes: dict[str, Any] = {"operations": {}, "shop": {}}
    plans = fleet_plan(load("g", {"host": "west", "clusters": clusters, "networks": networks, "meshes": meshes}))
    places = {
        (cluster, document.name): values_of(document)["metadata"]["namespace"]
        for cluster, plan in plans.items()
        for document in plan
        if document.name.startswith("ingress-listeners-")
    }
    names = ("ingress-listeners-shop", "ingress-listeners-kiosk-shop")
    assert places == {("config", name): "istiod-config" for name in names}


def test_a_gateway_of_a_primary_gets_another_selector_only_beside_one_of_the_same_name_in_a_remote() -> None:
    declared = {"shop": {"api": "istio", "listeners": [{"port": 80}]}}
    other = {"other": declared["shop"]}
    for remote, labels in ((other, set()), (declared, {"topology.istio.io/cluster"})):
        plan = fleet_plan(served_by_one({"west": declared, "branch": remote}))["west"]
        selector = body(plan, "ingress-listeners-shop")["spec"]["selector"]
        assert selector.keys() == {"app", "istio"} | labels
        assert releases(plan)["ingress-gateway-shop"].values["labels"] == selector


@quick
@given(loaded_fleets())
def test_a_gateway_selects_the_pods_of_its_own_cluster_among_all_that_its_istiod_configures(fleet: Fleet) -> None:
    made = IngressGateway.model_validate({"api": "istio", "listeners": [{"port": 80}]})
    clusters = {
        name: cluster.model_copy(update={"ingress_gateways": {"shop": made, f"only-{name}": made}})
        for name, cluster in fleet.clusters.items()
    }
    fleet = fleet.model_copy(update={"clusters": clusters})
    plans = fleet_plan(fleet)
    pods = {
        (cluster, name): release.values["labels"]
        for cluster, plan in plans.items()
        for name, release in releases(plan).items()
        if name.startswith("ingress-gateway-")
    }
    assert len(pods) == 2 * len(clusters)
    for primary in filter(fleet.is_primary, clusters):
        served = {primary, *fleet.remotes_of(primary)}
        gateways = [values_of(one) for one in plans[primary] if one.name.startswith("ingress-listeners-")]
        selected = [
            [place for place, labels in pods.items() if place[0] in served and selector.items() <= labels.items()]
            for selector in (gateway["spec"]["selector"] for gateway in gateways)
        ]
        # Each selects one, and no two the same.
        assert sorted(selected) == sorted([place] for place in pods if place[0] in served)
        assert len({(one["metadata"]["namespace"], one["metadata"]["name"]) for one in gateways}) == len(gateways)


def body(plan: list[Document], name: str) -> dict[str, Any]:
    """An object of a plan."""
    document = named(plan, name)
    assert document is not None
    return values_of(document)
