"""Who waits for whom: the wait edges of Istio's installation, and no others between clusters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from meshfleet.components.trust import root_resource
from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.components.waiting import (
    RULES_TO_ISTIODS,
    all_ready,
    answering,
    beside_istiod,
    crossing,
    gateway_address,
    istiod_chart,
    istiod_itself,
    istiod_process,
    istiods,
    leads_to_istiod,
    needed,
    of_kind,
    ready,
    served,
)
from tests.examples import up_to
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("resources are registered in order, each on its own cluster", step=1)

GraphOf = Callable[[str], Graph]


def test_the_namespace_comes_before_the_authority_and_that_before_istiod(graph: Graph, fleet: Fleet) -> None:
    for primary in istiods(fleet):
        cacerts = beside_istiod(fleet, primary, "cacerts")
        assert beside_istiod(fleet, primary, "namespace") in graph.waits_for(cacerts)
        assert f"{primary}/intermediate" in graph.waits_for(cacerts)
        for revision in fleet.istio.installed:
            assert cacerts in graph.waits_for(istiod_itself(fleet, primary, revision))
            assert cacerts in graph.waits_for(answering(fleet, primary, revision))


def test_a_cluster_that_is_served_from_another_has_no_authority_of_its_own(graph: Graph, fleet: Fleet) -> None:
    for cluster in of_kind(fleet, "remote"):
        processes = {istiod_process(cluster, revision) for revision in fleet.istio.installed}
        assert not {f"{cluster}/intermediate", f"{cluster}/cacerts", *processes} & graph.names()
    for cluster in of_kind(fleet, "external"):
        assert f"{cluster}/cacerts" not in graph.names()


def test_the_base_chart_comes_before_the_istiod_chart_and_that_before_istiod_answers(
    graph: Graph, fleet: Fleet
) -> None:
    for cluster in fleet.clusters:
        assert f"{cluster}/istio-system" in graph.waits_for(f"{cluster}/istio-base")
        for revision in fleet.istio.installed:
            chart, answers = istiod_chart(cluster, revision), ready(fleet, cluster, revision)
            assert f"{cluster}/istio-base" in graph.waits_for(chart)
            assert chart in {*graph.waits_for(answers), answers}


def test_what_istiods_write_everywhere_goes_after_the_charts_that_let_them_and_only_where_the_cluster_stays(
    graph: Graph, fleet: Fleet
) -> None:
    for cluster, declared in fleet.clusters.items():
        removal = f"{cluster}/istiod-configmaps"
        assert (removal in graph.names()) == (declared.capabilities.context is not None)
        if declared.capabilities.context:
            assert f"{cluster}/istio-system" in graph.waits_for(removal)
            for chart in (
                "istio-base",
                *(istiod_chart(cluster, name).partition("/")[2] for name in fleet.istio.installed),
            ):
                assert removal in graph.waits_for(f"{cluster}/{chart}")


def test_nothing_that_needs_the_webhooks_comes_before_istiod_answers(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        needing = {f"{cluster}/namespace-{name}" for name in fleet.namespaces_of(cluster)}
        for name in ("east-west-gateway", "cross-network-gateway", *RULES_TO_ISTIODS):
            needing |= {f"{cluster}/{name}"} & graph.names()
        assert not fleet.has_east_west_gateway(cluster) or f"{cluster}/east-west-gateway" in needing
        for name in needing:
            assert all_ready(fleet, cluster) <= graph.waits_for(name)


def test_the_address_of_a_gateway_is_read_after_its_release(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        name = gateway_address(fleet, cluster)
        assert (name in graph.names()) == fleet.has_east_west_gateway(cluster)
        if fleet.has_east_west_gateway(cluster) and name != f"{cluster}/east-west-gateway":
            assert f"{cluster}/east-west-gateway" in graph.waits_for(name)


def test_a_reader_token_waits_for_its_account_and_for_what_the_account_may_read(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        assert (f"{cluster}/reader-token" in graph.names()) == bool(fleet.readers_of(cluster))
        if fleet.readers_of(cluster):
            charts = {istiod_chart(cluster, revision) for revision in fleet.istio.installed}
            assert {f"{cluster}/istio-base", *charts} <= graph.waits_for(f"{cluster}/reader-token")


def test_remote_secrets_wait_for_the_reader_tokens_of_all_peers(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        peers = fleet.reads(cluster)
        assert (f"{cluster}/remote-secrets" in graph.names()) == bool(peers)
        if peers:
            tokens = {f"{peer}/reader-token" for peer in peers}
            secret = graph[f"{cluster}/remote-secrets"]
            direct = {graph.resources[urn].name for urn in secret.after}
            assert {name for name in direct if name.endswith("/reader-token")} == tokens
            assert tokens <= {graph.resources[urn].name for urn in secret.property_dependencies["data"]}


def test_a_chart_that_leads_elsewhere_has_the_address_of_the_gateway_there(graph: Graph, fleet: Fleet) -> None:
    for cluster in (*of_kind(fleet, "remote"), *of_kind(fleet, "external")):
        host = fleet.hosting(cluster)
        for revision in fleet.istio.installed:
            leads, has_it = leads_to_istiod(fleet, cluster, revision)
            assert graph[gateway_address(fleet, host)].urn in graph[leads].property_dependencies[has_it]
            assert answering(fleet, host, revision) in graph.waits_for(leads)


def test_a_remote_is_served_once_its_primary_was_let_in_and_the_way_there_is_open(graph: Graph, fleet: Fleet) -> None:
    waits = {(cluster, revision) for cluster in of_kind(fleet, "remote") for revision in fleet.istio.installed}
    assert {found.name for found in graph.custom if found.type.endswith(":RemoteClusterReadiness")} == {
        served(cluster, revision) for cluster, revision in waits
    }
    for cluster, revision in waits:
        before = graph.waits_for(served(cluster, revision))
        assert {istiod_chart(cluster, revision), f"{fleet.primary_of(cluster)}/remote-secrets"} <= before
        assert {f"{fleet.hosting(cluster)}/{rule}" for rule in RULES_TO_ISTIODS} <= before
        # Whoever waits for it is in that cluster, and nothing else is held up.
        waiting = {first.cluster for first, other in graph.edges() if other.name == served(cluster, revision)}
        assert waiting <= {cluster}


def test_an_external_istiod_starts_with_a_token_of_its_own_account_in_its_config_cluster(
    graph: Graph, fleet: Fleet
) -> None:
    for cluster in of_kind(fleet, "external"):
        host = fleet.hosting(cluster)
        token, secret = f"{cluster}/istiod-token", f"{host}/external-{cluster}-kubeconfig"
        # The account of all revisions comes with the chart of one in the config cluster.
        assert istiod_chart(cluster, fleet.istio.revision) in graph.waits_for(token)
        assert graph[token].urn in graph[secret].property_dependencies["data"]
        for revision in fleet.istio.installed:
            istiod, answers = istiod_itself(fleet, cluster, revision), answering(fleet, cluster, revision)
            before = graph.waits_for(istiod)
            assert {secret, f"{host}/external-{cluster}-cacerts", *all_ready(fleet, host)} <= before
            assert {f"{host}/{rule}" for rule in RULES_TO_ISTIODS} <= before
            assert istiod in {answers, *graph.waits_for(answers)}
            if fleet.clusters[host].capabilities.istiod_runtime == "process":
                process = graph[istiod_process(cluster, revision)]
                assert process.property_dependencies["configKubeconfig"] >= {graph[token].urn}
                assert graph[token].urn not in process.property_dependencies["kubeconfig"]


def test_a_cluster_waits_for_another_only_where_something_needs_it(graph: Graph, fleet: Fleet) -> None:
    edges = {(resource.name, other.name) for resource, other in crossing(graph, fleet)}
    assert edges <= needed(graph, fleet)


def test_nothing_but_the_clusters_it_serves_waits_for_the_remote_secrets_of_a_control_plane(
    graph: Graph, fleet: Fleet
) -> None:
    for resource, other in graph.edges():
        if other.what == "remote-secrets":
            assert resource.name in {served(resource.cluster, revision) for revision in fleet.istio.installed}
            assert fleet.primary_of(resource.cluster) == other.cluster


def test_in_a_mesh_of_two_primaries_a_branch_of_one_waits_for_the_other_only_through_its_own(
    graph_of: GraphOf,
) -> None:
    graph = graph_of("mixed")
    for branch, own, other in (("west-branch", "west", "east"), ("east-branch", "east", "west")):
        mine = [name for name in graph.names() if name.startswith((f"{branch}/", f"{own}/"))]
        assert any(name.startswith(f"{other}/") for name in graph.waits_for(f"{branch}/namespace-sample"))
        told = {f"{own}/remote-clusters", f"{own}/remote-secrets"}
        for name in mine:
            if name not in told:
                before = graph.waits_for(name, without=told)
                assert not [found for found in before if found.startswith((f"{other}/", f"{other}-branch/"))]


def test_two_meshes_share_no_resource_and_no_edge(graph_of: GraphOf) -> None:
    graph = graph_of("two-meshes")
    development = {"control", "test", "mesh development"}
    production = {"production", "mesh production"}
    assert {resource.cluster for resource in graph.custom} == development | production
    for resource, other in graph.edges():
        assert {resource.cluster, other.cluster} <= development or {
            resource.cluster,
            other.cluster,
        } <= production


def test_the_host_of_an_external_control_plane_waits_for_nothing_of_the_mesh_it_hosts(graph_of: GraphOf) -> None:
    for shape in ("external-control-plane", "external-hosted-twice"):
        graph = graph_of(shape)
        hosted = ("external-config-", "external-shop-", "external-bank-")
        for resource in graph.custom:
            if resource.cluster == "operations" and not resource.what.startswith(hosted):
                others = {name.partition("/")[0] for name in graph.waits_for(resource.name)}
                assert others <= {"operations", "annex", "mesh operations"}
    graph = graph_of("external-hosted-twice")
    for mine, other in (("shop", "bank"), ("bank", "shop")):
        for name in graph.names():
            if name.startswith((f"{mine}/", f"operations/external-{mine}-")):
                before = graph.waits_for(name)
                assert not [
                    found for found in before if found.startswith((f"{other}/", f"operations/external-{other}-"))
                ]


def test_each_mesh_has_its_roots_and_every_intermediate_is_issued_by_the_one_that_signs(
    graph: Graph, fleet: Fleet
) -> None:
    roots = [resource for resource in graph.custom if resource.type.endswith(":RootCertificateAuthority")]
    assert sorted(root.name for root in roots) == sorted(
        root_resource(mesh, root) for mesh, declared in fleet.meshes.items() for root in declared.trust.roots
    )
    for cluster in istiods(fleet):
        mesh = fleet.mesh_of(cluster)
        root = graph[root_resource(mesh, fleet.meshes[mesh].trust.bundle[0])]
        intermediate = graph[f"{cluster}/intermediate"]
        assert intermediate.after == {root.urn}
        assert intermediate.property_dependencies["rootCertificate"] == {root.urn}
        assert intermediate.property_dependencies["rootPrivateKey"] == {root.urn}


@up_to(25)
@given(loaded_fleets(max_clusters=5))
def test_in_any_fleet_a_cluster_waits_for_those_that_serve_it_and_for_no_other(fleet: Fleet) -> None:
    graph = record(fleet)
    assert {(resource.name, other.name) for resource, other in crossing(graph, fleet)} <= needed(graph, fleet)
    told = {f"{primary}/{what}" for primary in istiods(fleet) for what in ("remote-clusters", "remote-secrets")}
    for cluster in fleet.clusters:
        serving = {cluster, fleet.primary_of(cluster), fleet.hosting(cluster), *fleet.hosted_by(cluster)}
        allowed = serving | {f"mesh {fleet.mesh_of(name)}" for name in serving}
        # The portal reaches every cluster.
        for name in graph.names() - told - {f"{fleet.host}/portal"}:
            if name.startswith(f"{cluster}/"):
                assert {other.partition("/")[0] for other in graph.waits_for(name, without=told)} <= allowed
