"""Gateways at node ports and advertised addresses: each that is used is one at which something serves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import Document, fleet_plan, istiod_endpoints
from meshfleet.manifests.gateways import GATEWAY_PORT, NETWORK, PORTS, port_map
from meshfleet.manifests.load_balancing import NODE_SELECTOR
from meshfleet.manifests.mesh_networks import declared_gateways
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import EastWestGateway, Fleet, load
from tests.examples import up_to
from tests.manifests.plans import releases, values_of
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("gateways at node ports and behind port maps", step=0)

quick = up_to(20)
PROCESSES = {"embedded": {"pods": "processes"}}
STANDARD = {15012: 15012, 15017: 15017}


def fleet_of(west: dict[str, Any], east: dict[str, Any] | None = None, **more: dict[str, Any]) -> Fleet:
    """`west` and `east` on networks of their own, with these fields."""
    clusters = {
        "west": PROCESSES | {"network": "coast"} | west,
        "east": PROCESSES | {"network": "inland"} | (east or {}),
    }
    return load("g", {"host": "west", "networks": {"coast": {}, "inland": {}}, "clusters": clusters | more})


def east_west(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The values of the gateway's chart."""
    return releases(fleet_plan(fleet)[cluster])["east-west-gateway"].values


def ports_of(values: dict[str, Any]) -> dict[int, object]:
    """The ports of the gateway's Service, each with its node port, which the cluster assigns where there is none."""
    if "ports" in values["service"]:
        return {one["port"]: one.get("nodePort", "assigned") for one in values["service"]["ports"]}
    chosen = {name: port["port"] for name, port in values.get("networkGatewayPorts", {}).items()}
    return dict.fromkeys((PORTS | chosen).values())


def body(plan: list[Document], name: str) -> dict[str, Any]:
    """The object of a document."""
    (found,) = (document for document in plan if document.name == name)
    return values_of(found)


def found_by_istiod(values: dict[str, Any]) -> tuple[str, object] | None:
    """Network and port of the gateway that an istiod takes the Service for; None for no gateway.

    As getGatewayDetails and extractGatewaysInner of pilot/pkg/serviceregistry/kube/controller/network.go, and
    ConvertService of pilot/pkg/serviceregistry/kube/conversion.go of istio/istio have it.
    """
    labels, service = values.get("labels", {}), values["service"]
    network = values.get("networkGateway") or labels.get(NETWORK)
    port, ports = int(labels.get(GATEWAY_PORT, 15443)), ports_of(values)
    if not network or port not in ports:
        return None
    if service.get("type") != "NodePort":
        return network, port
    return (network, ports[port]) if NODE_SELECTOR in service.get("annotations", {}) else None


@quick
@given(loaded_fleets())
def test_an_istiod_has_each_gateway_of_a_network_once(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        if not fleet.is_network_gateway(cluster) or fleet.clusters[cluster].data_plane == "ambient":
            continue
        found = found_by_istiod(releases(plan)["east-west-gateway"].values)
        assert (found is None) == fleet.is_advertised(cluster)
        if found:
            assert found[0] == fleet.gateway_network(cluster)


@quick
@given(loaded_fleets())
def test_whatever_a_control_plane_is_told_of_a_gateway_is_served(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for viewer in filter(fleet.is_primary, fleet.clusters):
        told = {(network, *place) for network, places in declared_gateways(fleet, viewer).items() for place in places}
        outside = {
            (network, one.address, one.port)
            for network in fleet.networks_of(fleet.mesh_of(viewer))
            for one in fleet.networks[network].gateways
        }
        behind = {
            (fleet.gateway_network(name), *way.partition("=")[0].rpartition(":")[::2])
            for name in fleet.members_of(fleet.mesh_of(viewer))
            if (declared := fleet.clusters[name].east_west_gateway)
            for way in port_map(declared).split(",")
        }
        assert {(network, address, str(port)) for network, address, port in told - outside} <= behind
        values = releases(plans[viewer])[istiod_service(fleet.istio.revision)].values
        assert bool(values["global"].get("meshNetworks")) == bool(told)


@quick
@given(loaded_fleets())
def test_a_cluster_reaches_the_istiod_of_another_at_what_that_gateway_serves(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        hosting = fleet.hosting(cluster)
        if hosting == cluster:
            continue
        gateway = fleet.clusters[hosting].east_west_gateway or EastWestGateway()
        entry, reached = fleet.advertised_to(hosting, cluster), led_to(fleet, plan, fleet.istio.revision)
        if entry:
            assert reached == (entry.address, {15012: entry.istiod_port, 15017: entry.webhook_port})
        elif gateway.type == "NodePort":
            assert reached[1].keys() == STANDARD.keys()
            assert all(f"node port for {port}" in str(at) for port, at in reached[1].items())
        else:
            assert reached[1] == STANDARD


def led_to(fleet: Fleet, plan: list[Document], revision: str) -> tuple[object, dict[int, object]]:
    """The address at which a cluster reaches its istiod elsewhere, and the port for each of istiod's."""
    address = releases(plan)[istiod_service(revision)].values["global"].get("remotePilotAddress")
    service, endpoints = istiod_endpoints.names(revision)
    names = {document.name for document in plan}
    # One of both leads there.
    assert (address is None) == (endpoints in names) == (service in names)
    if address is not None:
        return address, dict(STANDARD)
    made = body(plan, endpoints)
    ports = {one["name"]: one["port"] for one in made["ports"]}
    assert ports.keys() == {one["name"] for one in body(plan, service)["spec"]["ports"]}
    return made["endpoints"][0]["addresses"][0], {15012: ports["tcp-istiod"], 15017: ports["tcp-webhook"]}


def test_a_gateway_at_node_ports_has_those_that_it_asks_for() -> None:
    fleet = fleet_of({"eastWestGateway": {"type": "NodePort", "port": 443, "nodePorts": {"tls": 31443}}})
    values = east_west(fleet, "west")
    assert values["service"]["annotations"] == {NODE_SELECTOR: "{}"}
    assert ports_of(values) == {15021: "assigned", 443: 31443, 15012: "assigned", 15017: "assigned"}
    assert values["env"] == {"ISTIO_META_REQUESTED_NETWORK_VIEW": "coast"}
    assert "allocateLoadBalancerNodePorts" not in values["service"]
    assert found_by_istiod(values) == ("coast", 31443)


def test_nodes_are_those_that_an_annotation_selects() -> None:
    selected = '{"edge": "yes"}'
    gateway = {"type": "NodePort", "serviceAnnotations": {NODE_SELECTOR: selected}}
    assert east_west(fleet_of({"eastWestGateway": gateway}), "west")["service"]["annotations"] == {
        NODE_SELECTOR: selected
    }


def test_each_control_plane_has_the_address_that_is_advertised_to_it() -> None:
    entries = [{"address": "198.18.200.7", "to": ["north"]}, {"address": "198.18.200.8", "port": 8443}]
    north = PROCESSES | {"network": "inland"}
    fleet = fleet_of({"eastWestGateway": {"advertised": entries}}, north=north)
    told = {viewer: declared_gateways(fleet, viewer)["coast"] for viewer in ("north", "east")}
    assert told == {"north": [("198.18.200.7", 15443)], "east": [("198.18.200.8", 8443)]}


def test_pods_that_are_processes_reach_what_is_advertised_as_a_port_map_would_lead() -> None:
    advertised = [{"address": "198.18.200.7", "port": 8443, "istiodPort": 8012}]
    values = east_west(fleet_of({"eastWestGateway": {"advertised": advertised}}), "west")
    assert values["service"]["annotations"] == {
        "meshfleet.dev/port-map": "198.18.200.7:8443=15443,198.18.200.7:8012=15012,198.18.200.7:15017=15017"
    }
    there = {"embedded": {}, "eastWestGateway": {"advertised": advertised}}
    assert "annotations" not in east_west(fleet_of(there, {"embedded": {}}), "west")["service"]


def test_an_ingress_gateway_at_node_ports_has_those_of_its_listeners() -> None:
    listeners = [{"port": 80, "nodePort": 30080}, {"port": 8080}]
    gateways = {
        "shop": {"api": "istio", "type": "NodePort", "listeners": listeners},
        "api": {"api": "gateway", "type": "NodePort", "listeners": [{"port": 81, "nodePort": 30081}]},
    }
    plan = fleet_plan(fleet_of({"ingressGateways": gateways}))["west"]
    service = releases(plan)["ingress-gateway-shop"].values["service"]
    assert service["type"] == "NodePort"
    assert {one["port"]: one.get("nodePort") for one in service["ports"]} == {15021: None, 80: 30080, 8080: None}
    options = body(plan, "ingress-options-api")["data"]["service"]
    assert options == "spec:\n  type: NodePort\n  ports:\n  - port: 81\n    nodePort: 30081\n"
