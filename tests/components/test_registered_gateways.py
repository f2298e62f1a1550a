"""Gateways are registered behind the istiod that makes their pods, with the addresses they are to have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.components.registered_graph import Graph

pytestmark = pytest.mark.proof("gateways of clusters, of networks and from outside", step=1)

GraphOf = Callable[[str], Graph]
ADDRESS = "meshfleet:index:GatewayAddress"


@pytest.fixture
def graph(graph_of: GraphOf) -> Graph:
    return graph_of("gateways")


def test_ingress_gateways_wait_for_istiod_and_for_their_namespace(graph: Graph) -> None:
    shop, api = graph.waits_for("west/ingress-gateway-shop"), graph.waits_for("west/ingress-gateway-api")
    assert {"west/istiod-process", "west/namespace-sample"} <= shop
    assert {"west/istiod-process", "west/ingress-options-api"} <= api
    assert "west/namespace-sample" not in api
    assert "west/ingress-gateway-shop" in graph.waits_for("west/ingress-listeners-shop")
    assert {name for name in shop | api if not name.startswith(("west/", "mesh "))} == set()


def test_gateways_of_a_remote_cluster_and_of_its_primary_wait_for_their_own_cluster_alone(graph_of: GraphOf) -> None:
    graph = graph_of("gateways-of-a-remote")
    listeners = "west/ingress-listeners-branch-shop"
    edges = {(first.name, other.name) for first, other in graph.edges()}
    assert (listeners, "west/namespace-sample") in edges
    assert "west/istiod-process" in graph.waits_for(listeners)
    assert ("branch/ingress-address-shop", "branch/ingress-gateway-shop") in edges
    assert not {first for first, other in edges if other == listeners}
    assert not {other for first, other in edges if first == listeners and other.startswith("branch/")}
    for cluster in ("branch", "west"):
        (told,) = next(one for one in graph.outputs["fleet"]["clusters"] if one["name"] == cluster)["ingressGateways"]
        assert (told["name"], told["namespace"]) == ("shop", "sample")


def test_addresses_are_given_on_simulated_clusters(graph: Graph) -> None:
    for name, service, namespace in (("shop", "shop", "sample"), ("api", "api-istio", "istio-system")):
        address = graph[f"west/ingress-address-{name}"]
        assert address.type == ADDRESS
        assert (address.inputs["service"], address.inputs["namespace"]) == (service, namespace)
        assert f"west/ingress-service-{name}" not in graph.names()


def test_addresses_are_found_on_other_clusters_which_have_the_gateway_api_by_themselves(graph_of: GraphOf) -> None:
    graph = graph_of("gateways-with-real-pods")
    for name, identifier in (("shop", "istio-system/shop"), ("api", "sample/api-istio")):
        service = graph[f"west/ingress-service-{name}"]
        assert service.read
        assert service.inputs["id"] == identifier
        assert f"west/ingress-address-{name}" not in graph.names()
    west = next(entry for entry in graph.outputs["fleet"]["clusters"] if entry["name"] == "west")
    assert [one["address"] for one in west["ingressGateways"]] == ["192.0.2.7", "192.0.2.7"]
    assert "west/gateway-api" not in graph.names()
    assert "west/namespace-sample" in graph.waits_for("west/ingress-options-api")


def test_the_address_the_name_and_the_port_that_are_requested_reach_the_plugin(graph: Graph) -> None:
    def asked(name: str) -> dict[str, object]:
        inputs = graph[name].inputs
        return {key: inputs[key] for key in ("address", "hostname", "port") if key in inputs}

    assert asked("west/east-west-gateway-address") == {"address": "203.0.113.10"}
    assert asked("north/east-west-gateway-address") == {"hostname": "gateway.north.example"}
    assert asked("west/ingress-address-shop") == {"address": "203.0.113.11", "port": 80}
    assert asked("west/ingress-address-api") == {"hostname": "api.example", "port": 8080}


def test_the_gateway_api_is_there_before_istiod_where_a_gateway_needs_it(graph: Graph) -> None:
    assert "west/gateway-api" in graph.waits_for("west/istiod")
    assert not {"east/gateway-api", "north/gateway-api"} & graph.names()


def test_every_control_plane_of_the_mesh_gets_the_same_networks(graph: Graph) -> None:
    told = [graph[f"{cluster}/istiod"].inputs["values"]["global"]["meshNetworks"] for cluster in ("west", "east")]
    assert told[0] == told[1] == graph["north/istiod"].inputs["values"]["global"]["meshNetworks"]
    assert told[0].keys() == {"shared"}


def test_gateways_are_exported_for_status_and_verification(graph: Graph) -> None:
    status = graph.outputs["fleet"]
    (mesh,) = status["meshes"]
    assert mesh["networkGateways"] == [{"network": "shared", "address": "203.0.113.80", "port": 15443}]
    west, east, north = sorted(status["clusters"], key=lambda entry: ("west", "east", "north").index(entry["name"]))
    assert [(one["name"], one["api"], one["namespace"]) for one in west["ingressGateways"]] == [
        ("shop", "istio", "sample"),
        ("api", "gateway", "istio-system"),
    ]
    assert west["ingressGateways"][0]["listeners"] == [{"port": 80, "protocol": "HTTP", "hosts": ["*"]}]
    assert east["ingressGateways"] == north["ingressGateways"] == []
    assert [entry["gateway"]["named"] for entry in (west, east, north)] == [False, False, True]


def test_a_gateway_at_node_ports_is_reached_at_a_node(graph_of: GraphOf) -> None:
    graph = graph_of("gateways-at-nodes")
    assert graph["west/east-west-gateway-address"].inputs["nodePort"] == "given"
    assert graph["west/ingress-address-shop"].inputs["nodePort"] == "given"
    assert "nodePort" not in graph["north/east-west-gateway-address"].inputs
    west = next(entry for entry in graph.outputs["fleet"]["clusters"] if entry["name"] == "west")
    assert (west["gateway"]["port"], west["gateway"]["istiodPort"]) == (31443, 31012)
    assert [one["port"] for one in west["ingressGateways"][0]["listeners"]] == [30080]
    real = graph_of("gateways-at-real-nodes")
    assert real["west/east-west-gateway-address"].inputs["nodePort"] == "found"
    assert "west/east-west-gateway-service" not in real.names()


def test_nodes_need_no_external_ip_where_another_address_is_advertised(graph_of: GraphOf) -> None:
    graph = graph_of("gateways-at-real-nodes")
    assert not {"east/east-west-gateway-address", "east/east-west-gateway-service"} & graph.names()
    east = next(entry for entry in graph.outputs["fleet"]["clusters"] if entry["name"] == "east")["gateway"]
    assert (east["address"], east["port"], east["istiodPort"]) == ("203.0.113.80", 15443, 15012)
    assert [one["address"] for one in east["advertised"]] == ["203.0.113.80"]


def test_a_remote_cluster_is_led_to_node_ports_once_they_are_assigned(graph_of: GraphOf) -> None:
    graph = graph_of("gateways-at-nodes")
    endpoints = "east/remote-istiod-endpoints"
    assert "west/east-west-gateway-address" in graph.waits_for(endpoints)
    assert "east/istiod" in graph.waits_for("east/remote-istiod-service")
    assert "remotePilotAddress" not in graph["east/istiod"].inputs["values"]["global"]
    assert graph[endpoints].inputs["endpoints"] == [{"addresses": ["198.18.0.9"]}]
    assert {one["name"]: one["port"] for one in graph[endpoints].inputs["ports"]} == {
        "tcp-istiod": 31012,
        "tcp-webhook": 31017,
    }
    assert {endpoints, "east/remote-istiod-service"} <= graph.waits_for("east/remote-readiness")
