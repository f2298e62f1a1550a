"""Who waits for whom: the wait edges of Istio's installation, and no others between clusters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from components.trust import root_resource
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import record
from tests.topology.strategies import loaded_fleets
from topology import Fleet

pytestmark = pytest.mark.proof("resources are registered in order, each on its own cluster", step=1)


def crossing(graph: Graph, fleet: Fleet) -> list[tuple[Resource, Resource]]:
    """Edges that lead from one cluster to another."""
    return [
        (resource, other)
        for resource, other in graph.edges()
        if resource.cluster in fleet.clusters and other.cluster in fleet.clusters and resource.cluster != other.cluster
    ]


def ready(fleet: Fleet, cluster: str) -> str:
    """What is done when istiod of a cluster answers."""
    return f"{cluster}/istiod-process" if fleet.clusters[cluster].simulated else f"{cluster}/istiod"


def test_the_namespace_comes_before_the_authority_and_that_before_istiod(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        assert f"{cluster}/istio-system" in graph.waits_for(f"{cluster}/cacerts")
        assert f"{cluster}/intermediate" in graph.waits_for(f"{cluster}/cacerts")
        assert f"{cluster}/cacerts" in graph.waits_for(f"{cluster}/istiod")
        assert f"{cluster}/cacerts" in graph.waits_for(ready(fleet, cluster))


def test_the_base_chart_comes_before_the_istiod_chart_and_that_before_its_process(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        assert f"{cluster}/istio-system" in graph.waits_for(f"{cluster}/istio-base")
        assert f"{cluster}/istio-base" in graph.waits_for(f"{cluster}/istiod")
        assert f"{cluster}/istiod" in {*graph.waits_for(ready(fleet, cluster)), ready(fleet, cluster)}


def test_nothing_that_needs_the_webhooks_comes_before_istiod_answers(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        needing = [f"{cluster}/namespace-{name}" for name in fleet.namespaces_of(cluster)]
        if fleet.has_east_west_gateway(cluster):
            needing += [f"{cluster}/east-west-gateway", f"{cluster}/cross-network-gateway"]
        for name in needing:
            assert ready(fleet, cluster) in graph.waits_for(name)


def test_the_address_of_a_gateway_is_read_after_its_release(graph: Graph, fleet: Fleet) -> None:
    for cluster, declared in fleet.clusters.items():
        name = f"{cluster}/east-west-gateway-{'address' if declared.simulated else 'service'}"
        assert (name in graph.names()) == fleet.has_east_west_gateway(cluster)
        if fleet.has_east_west_gateway(cluster):
            assert f"{cluster}/east-west-gateway" in graph.waits_for(name)


def test_a_reader_token_waits_for_its_account_and_for_what_the_account_may_read(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        if fleet.peers_of(cluster):
            assert {f"{cluster}/istio-base", f"{cluster}/istiod"} <= graph.waits_for(f"{cluster}/reader-token")


def test_remote_secrets_wait_for_the_reader_tokens_of_all_peers(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        peers = fleet.peers_of(cluster)
        assert (f"{cluster}/remote-secrets" in graph.names()) == bool(peers)
        if peers:
            tokens = {f"{peer}/reader-token" for peer in peers}
            secret = graph[f"{cluster}/remote-secrets"]
            direct = {graph.resources[urn].name for urn in secret.after}
            assert {name for name in direct if name.endswith("/reader-token")} == tokens
            assert tokens <= {graph.resources[urn].name for urn in secret.property_dependencies["data"]}


def test_discovery_is_the_only_thing_a_cluster_waits_for_in_another(graph: Graph, fleet: Fleet) -> None:
    edges = crossing(graph, fleet)
    assert {resource.what for resource, _ in edges} <= {"remote-secrets"}
    # The address of a peer's API server goes into its kubeconfig beside the token.
    assert {other.what for _, other in edges} <= {"reader-token", "processes"}
    assert all(other.cluster in fleet.peers_of(resource.cluster) for resource, other in edges)


def test_nothing_waits_for_remote_secrets(graph: Graph) -> None:
    assert [resource.name for resource, other in graph.edges() if other.what == "remote-secrets"] == []


def test_two_meshes_share_no_resource_and_no_edge(graph_of: Callable[[str], Graph]) -> None:
    graph = graph_of("two-meshes")
    development = {"control", "test", "mesh development"}
    production = {"production", "mesh production"}
    assert {resource.cluster for resource in graph.custom} == development | production
    for resource, other in graph.edges():
        assert {resource.cluster, other.cluster} <= development or {
            resource.cluster,
            other.cluster,
        } <= production


def test_each_mesh_has_its_roots_and_every_intermediate_is_issued_by_the_one_that_signs(
    graph: Graph, fleet: Fleet
) -> None:
    roots = [resource for resource in graph.custom if resource.type.endswith(":RootCertificateAuthority")]
    assert sorted(root.name for root in roots) == sorted(
        root_resource(mesh, root) for mesh, declared in fleet.meshes.items() for root in declared.trust.roots
    )
    for cluster in fleet.clusters:
        mesh = fleet.mesh_of(cluster)
        root = graph[root_resource(mesh, fleet.meshes[mesh].trust.bundle[0])]
        intermediate = graph[f"{cluster}/intermediate"]
        assert intermediate.after == {root.urn}
        assert intermediate.property_dependencies["rootCertificate"] == {root.urn}
        assert intermediate.property_dependencies["rootPrivateKey"] == {root.urn}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(loaded_fleets(max_clusters=4))
def test_in_any_fleet_a_cluster_comes_up_without_waiting_for_another(fleet: Fleet) -> None:
    graph = record(fleet)
    for cluster in fleet.clusters:
        own = {cluster, f"mesh {fleet.mesh_of(cluster)}"}
        for name in graph.names():
            if name.startswith(f"{cluster}/") and not name.endswith("/remote-secrets"):
                assert {other.partition("/")[0] for other in graph.waits_for(name)} <= own
    assert all(other.cluster in fleet.peers_of(resource.cluster) for resource, other in crossing(graph, fleet))
