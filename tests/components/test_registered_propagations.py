"""Propagated objects are registered on the clusters they are placed in, behind what they need there."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from meshfleet.federation.propagated import propagations
from meshfleet.manifests.propagations import document_name
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import ObjectKey
from tests.components.fleets import fleet_called
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.components.test_registered_contracts import plain
from tests.components.waiting import all_ready

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=1)

GraphOf = Callable[[str], Graph]


@pytest.fixture
def own(graph_of: GraphOf) -> Graph:
    return graph_of("propagations")


def name(cluster: str, propagation: str, group: str, kind: str, namespace: str, called: str) -> str:
    return f"{cluster}/{document_name(propagation, ObjectKey(group, kind, namespace, called))}"


def test_each_cluster_has_the_resources_that_are_placed_in_it_and_no_others(graph: Graph, fleet: Fleet) -> None:
    expected = {
        f"{cluster}/{document_name(one.propagation, one.key)}"
        for one in propagations(fleet).objects
        for cluster in one.decision.clusters
    }
    assert {found for found in graph.names() if "/propagation-" in found} == expected


def test_nothing_of_a_propagation_waits_for_another_cluster(graph: Graph) -> None:
    for resource, other in graph.edges():
        if resource.what.startswith("propagation-"):
            assert other.cluster == resource.cluster
        # The mesh does not wait for what is propagated over it; what names a propagated Service, or its account, does.
        if other.what.startswith("propagation-"):
            assert resource.cluster == other.cluster
            assert resource.what.startswith(("propagation-", "service-", "identity-"))


@pytest.mark.parametrize("cluster", ["west", "branch", "east"])
def test_definitions_come_first_then_configuration_then_pods_then_webhooks(own: Graph, cluster: str) -> None:
    definition = name(cluster, "web", "apiextensions.k8s.io", "CustomResourceDefinition", "", "things.web.example")
    thing = name(cluster, "web", "web.example", "Thing", "sample", "web")
    read = {name(cluster, "web", "", kind, "sample", "web") for kind in ("ConfigMap", "Service")}
    pods = name(cluster, "web", "apps", "Deployment", "sample", "web")
    webhook = name(cluster, "web", "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "web")
    namespace = f"{cluster}/namespace-sample"
    assert definition in own.waits_for(thing)
    assert {*read, thing, namespace} <= own.waits_for(pods)
    assert pods in own.waits_for(webhook)
    assert namespace not in own.waits_for(definition)


def test_pods_that_are_injected_wait_for_istiod_and_for_the_tags_that_lead_to_it(own: Graph, graph_of: GraphOf) -> None:
    fleet = fleet_called("propagations")
    for cluster in fleet.clusters:
        pods = name(cluster, "web", "apps", "Deployment", "sample", "web")
        assert all_ready(fleet, cluster) | {f"{cluster}/tag-prod"} <= own.waits_for(pods)
    # The namespace `default` is not injected.
    others = own.waits_for(name("west", "kept", "apps", "Deployment", "default", "kept"))
    assert "west/tag-prod" not in others


def test_what_is_preserved_stays_when_it_is_no_longer_registered(own: Graph) -> None:
    made = [resource for resource in own.custom if resource.what.startswith("propagation-")]
    assert {resource.what.split("-")[1] for resource in made if resource.retained} == {"kept"}
    assert {resource.what.split("-")[1] for resource in made if not resource.retained} == {"web"}
    assert not [one for one in own.custom if one.retained and not one.what.startswith("propagation-")]


def test_pods_are_awaited_where_they_run_and_nothing_is_awaited_in_vain(own: Graph) -> None:
    def skips(cluster: str, kind: str, group: str = "") -> bool:
        found = own[name(cluster, "web", group, kind, "sample", "web")].inputs["metadata"].get("annotations", {})
        return "pulumi.com/skipAwait" in found

    assert skips("west", "Deployment", "apps")
    assert not skips("east", "Deployment", "apps")
    assert skips("east", "Service")
    assert not skips("west", "ConfigMap")


def test_a_cluster_that_is_rolled_back_registers_what_was_recorded_and_no_other_differs(own: Graph) -> None:
    fleet = fleet_called("propagations")
    pods = document_name("web", ObjectKey("apps", "Deployment", "sample", "web"))
    before = copy.deepcopy(plain(own[f"west/{pods}"].inputs))
    before["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/web:0"
    back = record(fleet.model_copy(update={"restored": {"web": {"west": {pods: before}, "branch": {}}}}))
    assert plain(back[f"west/{pods}"].inputs) == before
    assert {one for one in back.names() if one.startswith("west/propagation-web")} == {f"west/{pods}"}
    assert not [one for one in back.names() if one.startswith("branch/propagation-web")]
    for one in own.custom:
        if one.cluster == "east" or not one.what.startswith("propagation-web"):
            assert back[one.name].inputs == one.inputs


def test_what_names_an_object_that_goes_with_a_rollback_is_registered_all_the_same(graph_of: GraphOf) -> None:
    fleet = fleet_called("names")
    own = {one.propagation for one in propagations(fleet).of("branch")}
    back = record(fleet.model_copy(update={"restored": {name: {"branch": {}} for name in own}}))
    assert own
    assert not [one for one in back.names() if one.startswith("branch/propagation-")]
    assert set(back.names()) >= {one for one in graph_of("names").names() if "/propagation-" not in one}
