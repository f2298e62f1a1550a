"""Workloads are registered behind what they need: their namespace, the istiod that injects pods, their account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph
from tests.components.waiting import all_ready

pytestmark = pytest.mark.proof("workloads: their Services, versions, routes and callers", step=1)

GraphOf = Callable[[str], Graph]


@pytest.fixture
def workloads(graph_of: GraphOf) -> Graph:
    return graph_of("workloads")


def told(graph: Graph, cluster: str) -> dict[str, Any]:
    """What status says of a cluster."""
    found: dict[str, Any] = next(entry for entry in graph.outputs["fleet"]["clusters"] if entry["name"] == cluster)
    return found


def test_everything_of_a_workload_waits_for_istiod_and_for_its_namespace(graph: Graph, fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        assert {f"{cluster}/workload-service-{name}" for name in fleet.workloads_of(cluster)} <= graph.names()
        for resource in graph.custom:
            if resource.cluster == cluster and resource.what.startswith("workload-"):
                workload = next(one for one in fleet.workloads if resource.what.split("-", 2)[2].startswith(one))
                namespace = f"{cluster}/namespace-{fleet.workloads[workload].namespace}"
                assert all_ready(fleet, cluster) | {namespace} <= graph.waits_for(resource.name)


def test_nothing_of_a_workload_waits_for_another_workload_or_is_waited_for_by_anything_else(
    graph: Graph, fleet: Fleet
) -> None:
    for resource, other in graph.edges():
        # What federates the Service of a workload waits for it.
        if other.what.startswith("workload-") and not resource.what.startswith("service-"):
            assert resource.cluster == other.cluster
            assert resource.what.startswith("workload-")
            names = [
                {name for name in fleet.workloads if what.split("-", 2)[2].startswith(name)}
                for what in (resource.what, other.what)
            ]
            assert names[0] & names[1]


def test_pods_come_after_their_account_who_may_call_them_and_the_tags_that_lead_to_a_revision(workloads: Graph) -> None:
    for cluster, version in (("west", "v1"), ("branch", "v2")):
        before = workloads.waits_for(f"{cluster}/workload-deployment-cart-{version}")
        assert {f"{cluster}/workload-account-cart", f"{cluster}/tag-prod"} <= before
    assert "west/workload-callers-cart" in workloads.waits_for("west/workload-deployment-cart-v1")
    # A tag is moved after the webhooks of its revision, and Services need neither.
    assert "west/tag-prod" not in workloads.waits_for("west/workload-service-cart")


def test_subsets_come_after_the_pods_of_their_cluster_and_before_the_routes(workloads: Graph) -> None:
    assert "west/workload-deployment-cart-v1" in workloads.waits_for("west/workload-subsets-cart")
    assert "west/workload-subsets-cart" in workloads.waits_for("west/workload-routes-cart")
    others = {name.partition("/")[0] for name in workloads.waits_for("east/workload-routes-cart")}
    assert "west" not in others


def test_routes_and_callers_are_in_every_primary_and_pods_where_they_run(workloads: Graph) -> None:
    made = {name for name in workloads.names() if "/workload-" in name and name.endswith(("-cart", "-v1", "-v2"))}
    everywhere = {"service", "routes", "subsets", "callers"}
    assert made - {name for name in made if "-web" in name} == {
        *(f"west/workload-{what}-cart" for what in everywhere | {"account"}),
        *(f"east/workload-{what}-cart" for what in everywhere),
        *(f"branch/workload-{what}-cart" for what in ("service", "account")),
        "west/workload-deployment-cart-v1",
        "branch/workload-deployment-cart-v1",
        "branch/workload-deployment-cart-v2",
    }
    assert workloads["west/workload-routes-cart"].type == "kubernetes:networking.istio.io/v1:VirtualService"
    assert workloads["west/workload-callers-cart"].type == "kubernetes:security.istio.io/v1:AuthorizationPolicy"
    assert workloads["west/workload-deployment-cart-v1"].type == "kubernetes:apps/v1:Deployment"


def test_pods_are_awaited_where_they_really_run(workloads: Graph, graph_of: GraphOf) -> None:
    simulated = workloads["west/workload-deployment-web-v1"].inputs["metadata"]
    assert simulated["annotations"] == {"pulumi.com/skipAwait": "true"}
    real = graph_of("workloads-with-real-pods")["west/workload-deployment-web-v1"].inputs["metadata"]
    assert "annotations" not in real


def test_status_reports_each_clusters_workloads_and_what_becomes_of_its_pods(
    workloads: Graph, graph_of: GraphOf
) -> None:
    assert [told(workloads, name)["pods"] for name in ("west", "branch", "east")] == [
        "processes",
        "simulated",
        "simulated",
    ]
    assert told(graph_of("workloads-with-real-pods"), "west")["pods"] == "real"
    cart, web = told(workloads, "branch")["workloads"]
    assert cart == {
        "name": "cart",
        "namespace": "sample",
        "host": "cart.sample.svc.cluster.local",
        "ports": {"http": 80, "grpc": 7070},
        "echo": True,
        "allowedCallers": ["sample/web"],
        "exportTo": [],
        "versions": [
            {"name": "v1", "replicas": 2, "weight": 90, "headers": {}},
            {"name": "v2", "replicas": 1, "weight": 10, "headers": {"x-canary": "always"}},
        ],
    }
    assert (web["name"], [version["name"] for version in web["versions"]]) == ("web", ["v1"])
    # Known there, though none of its pods runs there.
    assert [entry["versions"] for entry in told(workloads, "east")["workloads"] if entry["name"] == "cart"] == [[]]
    (tool, _) = told(graph_of("workloads-with-real-pods"), "west")["workloads"]
    assert (tool["name"], tool["echo"]) == ("tool", False)
