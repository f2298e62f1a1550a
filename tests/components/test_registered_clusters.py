"""What differs between clusters whose pods run and clusters whose pods are simulated, made here or found."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from meshfleet.components.gateway_address import load_balancer_address
from meshfleet.components.helm_release import chart_source
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.components.remote_secrets import kubeconfig_of
from meshfleet.components.trust import root_resource
from meshfleet.topology import Discovery, Fleet, load
from tests.components.fleets import fleet_called, in_one_mesh
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.components.waiting import istiod_chart, istiod_itself, istiod_process, istiods

pytestmark = pytest.mark.proof("embedded and existing clusters by the same program", step=1)

GraphOf = Callable[[str], Graph]


def kinds(graph: Graph, cluster: str) -> set[str]:
    """The plugin's own resources of a cluster."""
    found = (resource for resource in graph.custom if resource.cluster == cluster)
    return {resource.type.rpartition(":")[2] for resource in found if resource.type.startswith("meshfleet:index:")}


def test_an_embedded_cluster_has_its_processes_and_an_istiod_beside_it(graph_of: GraphOf) -> None:
    assert kinds(graph_of("dev"), "west") == {
        "EmbeddedCluster",
        "EmbeddedNode",
        "IntermediateCertificateAuthority",
        "ReleaseObjects",
        "IstiodAddress",
        "Istiod",
        "GatewayAddress",
        "RemoteClusters",
    }


def test_an_existing_cluster_with_simulated_pods_has_all_but_its_processes(graph_of: GraphOf) -> None:
    graph = graph_of("simulated-pods")
    assert kinds(graph, "west") == kinds(graph_of("dev"), "west") - {"EmbeddedCluster", "EmbeddedNode"} | {
        "ClusterIdentity",
        "IstiodConfigMapCleanup",
    }
    for name in ("west/istiod-process", "west/east-west-gateway-address"):
        assert graph[name].inputs["context"] == "west-admin"


def test_an_existing_cluster_with_real_pods_runs_its_own_istiod_and_helm_waits_for_it(
    graph_of: GraphOf,
) -> None:
    graph = graph_of("real-pods")
    assert kinds(graph, "west") == {
        "ClusterIdentity",
        "IntermediateCertificateAuthority",
        "IstiodConfigMapCleanup",
        "ReleaseObjects",
        "RemoteClusters",
    }
    assert graph["west/istiod"].inputs["skipAwait"] is False
    assert graph["west/east-west-gateway"].inputs["skipAwait"] is False
    assert graph["west/istiod"].inputs["timeout"] == 600
    assert graph["west/east-west-gateway-service"].read


def test_what_an_istiod_process_gets_fits_the_charts(graph: Graph, fleet: Fleet) -> None:
    for cluster, revision in product(istiods(fleet), fleet.istio.installed):
        if fleet.clusters[fleet.hosting(cluster)].capabilities.istiod_runtime == "pod":
            continue
        process = graph[istiod_process(cluster, revision)].inputs
        assert process["fleet"] == fleet.name
        for chart in {istiod_chart(cluster, revision), istiod_itself(fleet, cluster, revision)}:
            values = graph[chart].inputs["values"]
            assert process["cluster"] == values["global"]["multiCluster"]["clusterName"] == cluster
            assert process["network"] == values["global"]["network"]
            assert process["meshId"] == values["global"]["meshID"]
            assert process["trustDomain"] == values["meshConfig"]["trustDomain"]
            assert process["revision"] == revision == values.get("revision", "default")
        itself = graph[istiod_itself(fleet, cluster, revision)].inputs["values"]
        assert process["settings"] == itself["env"]
        for served in (cluster, *fleet.remotes_of(cluster)):
            values = graph[istiod_chart(served, revision)].inputs["values"]
            assert str(int(process["address"]["httpsPort"])) in values["istiodRemote"]["injectionURL"]
        mesh = fleet.mesh_of(cluster)
        roots = {graph[root_resource(mesh, root)].urn for root in fleet.meshes[mesh].trust.roots}
        authority = graph[istiod_process(cluster, revision)].property_dependencies["certificateAuthority"]
        assert authority == {graph[f"{cluster}/intermediate"].urn, *roots}


def test_an_embedded_cluster_gets_what_the_stack_file_says_of_it() -> None:
    config = in_one_mesh(
        {
            "west": {
                "embedded": {"nodes": 3},
                "podCidr": "10.1.0.0/16",
                "serviceCidr": "10.2.0.0/16",
                "region": "r",
                "zone": "z",
            }
        }
    )
    inputs = record(load("described", config))["west/processes"].inputs
    assert inputs == {
        "fleet": "described",
        "name": "west",
        "kubernetesVersion": "v1.35.4",
        "nodes": 3,
        "podCidr": "10.1.0.0/16",
        "serviceCidr": "10.2.0.0/16",
        "region": "r",
        "zone": "z",
    }


def test_what_the_stack_file_leaves_out_is_not_sent(graph_of: GraphOf) -> None:
    inputs = graph_of("one-cluster")["only/processes"].inputs
    assert inputs.keys() == {"fleet", "name", "kubernetesVersion", "nodes"}


def test_an_existing_cluster_keeps_its_own_kubeconfig_and_its_peers_never_see_it() -> None:
    files = {
        name: KubeconfigFile(f"CONFIDENTIAL user of {name}", f"https://{name}.example") for name in ("west", "east")
    }
    graph = record(fleet_called("real-pods"), files)
    secret = graph["east/remote-secrets"].inputs["data"]["value"]
    assert "user of west" not in str(secret)
    assert "user of west" in str(graph["west/kubernetes"].inputs["kubeconfig"])


@pytest.mark.parametrize(
    ("charts", "version", "expected"),
    [
        (
            "published",
            "1.31",
            {
                "chart": "istiod",
                "version": "1.31.0",
                "repositoryOpts": {"repo": "https://blob.istio.io/istio-release/charts"},
            },
        ),
        ({"repository": "oci://ghcr.io/x"}, "1.31.2", {"chart": "oci://ghcr.io/x/istiod", "version": "1.31.2"}),
        ({"folder": "vendor/charts"}, "1.31", {"chart": "vendor/charts/istiod"}),
    ],
)
def test_charts_come_from_where_the_stack_file_says_but_for_an_istiod_built_here(
    charts: object, version: str, expected: dict[str, object]
) -> None:
    config = in_one_mesh(
        {
            "west": {"existing": {"kubeconfig": "k", "context": "here", "pods": "simulated"}},
            "east": {"existing": {"kubeconfig": "k", "context": "c"}},
        },
        istio={"version": version, "charts": charts},
    )
    fleet = load("charts", config)
    assert chart_source(fleet, "east", "istiod", version) == expected
    assert chart_source(fleet, "west", "istiod", version) == {"chart": ".meshfleet/charts/istiod"}


def test_processes_charts_and_images_are_of_the_releases_that_the_stack_file_names() -> None:
    istio = {"version": "1.30", "revision": "blue", "revisions": {"blue": {}, "green": {"version": "1.31"}}}
    config = in_one_mesh({"west": {"embedded": {}}}, istio=istio, kubernetes={"version": "v1.32.2"})
    graph = record(load("releases", config))
    assert graph["west/processes"].inputs["kubernetesVersion"] == "v1.32.2"
    found = {}
    for revision in ("blue", "green"):
        chart, process = graph[f"west/istiod-{revision}"].inputs, graph[f"west/istiod-{revision}-process"].inputs
        found[revision] = (chart["chart"], chart["values"]["global"].get("tag"), process.get("release"))
    assert found == {
        "blue": (".meshfleet/charts-1.30/istiod", "1.30", "1.30"),
        # As it always was: a fleet on the standard release is not changed by others.
        "green": (".meshfleet/charts/istiod", None, None),
    }
    # What revisions share is of the newest.
    assert graph["west/istio-base"].inputs["chart"] == ".meshfleet/charts/base"


@pytest.mark.parametrize(
    ("status", "address"),
    [
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "hostname": "ignored"}]}}, "192.0.2.1"),
        ({"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}, "lb.example"),
        ({"loadBalancer": {"ingress": []}}, ""),
        ({"loadBalancer": {}}, ""),
        ({"loadBalancer": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_pending_load_balancer_has_an_empty_address(status: dict[str, object], address: str) -> None:
    assert load_balancer_address(status) == address


def test_a_peers_kubeconfig_has_the_readers_token_in_plain_and_the_authority_as_data() -> None:
    text = kubeconfig_of("west", Discovery(), "https://west", {"token": "dG9rZW4=", "ca.crt": "Y2E="})
    assert '"token": "token"' in text
    assert '"certificate-authority-data": "Y2E="' in text
    assert '"current-context": "west"' in text
