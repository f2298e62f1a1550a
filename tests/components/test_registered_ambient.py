"""Ambient mode: in which order its parts come, and that clusters of sidecars get none of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshfleet.topology import Fleet
from tests.components.fleets import fleet_called
from tests.components.registered_graph import Graph
from tests.components.waiting import all_ready

pytestmark = pytest.mark.proof("ambient mode over several networks", step=1)

GraphOf = Callable[[str], Graph]
# The definitions of the Gateway API and the right to read them are also there for ingress gateways of that kind.
PARTS = ("istio-cni", "ztunnel", "east-west-gateway-options")


def test_only_clusters_in_ambient_mode_have_its_parts(graph: Graph, fleet: Fleet) -> None:
    for cluster, declared in fleet.clusters.items():
        found = {name for name in PARTS if f"{cluster}/{name}" in graph.names()}
        assert found == (set(PARTS) if declared.data_plane == "ambient" else set())
        injected = [found.type for found in graph.custom if found.what.startswith("tag-") and found.cluster == cluster]
        assert not injected or declared.data_plane == "sidecar"


def test_the_definitions_of_the_gateway_api_come_first_and_the_agents_of_the_nodes_behind_istiod(
    graph_of: GraphOf,
) -> None:
    graph, fleet = graph_of("ambient"), fleet_called("ambient")
    for cluster in fleet.clusters:
        assert f"{cluster}/gateway-api" in graph.waits_for(f"{cluster}/istio-base")
        for agent in ("istio-cni", "ztunnel"):
            assert all_ready(fleet, cluster) <= graph.waits_for(f"{cluster}/{agent}")


def test_a_gateway_comes_behind_what_its_service_is_made_with_and_a_waypoint_behind_its_namespace(
    graph_of: GraphOf,
) -> None:
    graph, fleet = graph_of("ambient"), fleet_called("ambient")
    for cluster in fleet.clusters:
        before = graph.waits_for(f"{cluster}/east-west-gateway")
        assert {f"{cluster}/east-west-gateway-options", *all_ready(fleet, cluster)} <= before
        assert f"{cluster}/namespace-shop" in graph.waits_for(f"{cluster}/waypoint-shop")


def test_the_address_of_the_gateway_is_that_of_the_service_which_istiod_makes(graph_of: GraphOf) -> None:
    graph = graph_of("ambient")
    for cluster in ("west", "east"):
        assert graph[f"{cluster}/east-west-gateway"].type == "kubernetes:gateway.networking.k8s.io/v1:Gateway"
        assert graph[f"{cluster}/east-west-gateway-address"].inputs["service"] == "istio-eastwestgateway"
    exported = {cluster["name"]: cluster["gateway"] for cluster in graph.outputs["fleet"]["clusters"]}
    assert {gateway["port"] for gateway in exported.values()} == {15008}


def test_istiods_get_ambient_mode_and_those_of_sidecars_do_not(graph: Graph, fleet: Fleet) -> None:
    for process in (found for found in graph.custom if found.type.endswith(":Istiod")):
        cluster = process.inputs["cluster"]
        told = {name for name in process.inputs["settings"] if "AMBIENT" in name}
        several = len(fleet.networks_of(fleet.mesh_of(cluster))) > 1
        ambient = {"PILOT_ENABLE_AMBIENT"} | ({"AMBIENT_ENABLE_MULTI_NETWORK"} if several else set())
        assert told == (ambient if fleet.clusters[cluster].data_plane == "ambient" else set())
