"""Contracts that every component keeps, whatever the fleet looks like."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import Any

import pulumi
import pytest

from meshfleet.components.kubernetes_object import type_token
from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.kube.releases.owner import MARK
from meshfleet.manifests import Release, fleet_plan
from meshfleet.topology import Fleet
from tests.components.fleets import NAMES, fleet_called, fleet_of
from tests.components.recorded_fleets import graph_called
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import SECRET, record, recorded
from tests.no_tools import RENDERED

pytestmark = pytest.mark.proof("resources are registered in order, each on its own cluster", step=1)

WITH_EVERY_SECTION = (
    *("dev", "mixed", "ambient", "virtual-machines", "identities", "containers", "names", "propagations"),
    *("external-control-plane", "settings", "gateways-at-nodes", "workloads"),
)
"""Shapes that have documents of every section between them that any shape has."""
STACK = "pulumi:pulumi:Stack"
PLACEHOLDER = re.compile(r"<[^>]+>")


def of_kubernetes(graph: Graph) -> list[Resource]:
    return [resource for resource in graph.custom if resource.type.startswith("kubernetes:")]


def plain(value: Any) -> Any:
    """A value without the marks of secrets."""
    if isinstance(value, dict):
        if SECRET.items() <= value.items():
            return plain(value["value"])
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def fits(planned: Any, registered: Any) -> bool:
    """Whether a registered value is the planned one; where the plan has a placeholder any text will do, or a port."""
    if isinstance(planned, dict):
        return (
            isinstance(registered, dict)
            and planned.keys() == registered.keys()
            and all(fits(planned[key], registered[key]) for key in planned)
        )
    if isinstance(planned, list):
        return isinstance(registered, list) and len(planned) == len(registered) and all(map(fits, planned, registered))
    if isinstance(planned, str) and (pattern := _with_placeholders(planned)):
        if isinstance(registered, int | float):
            return bool(PLACEHOLDER.fullmatch(planned))
        return isinstance(registered, str) and bool(pattern.fullmatch(registered))
    return bool(planned == registered)


def _with_placeholders(text: str) -> re.Pattern[str] | None:
    if PLACEHOLDER.search(text):
        return re.compile(".+".join(re.escape(part) for part in PLACEHOLDER.split(text)), re.DOTALL)
    try:
        hidden = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return re.compile("[A-Za-z0-9+/=]+") if PLACEHOLDER.search(hidden) else None


def test_every_kubernetes_resource_has_the_explicit_provider_of_its_own_cluster(graph: Graph, fleet: Fleet) -> None:
    assert of_kubernetes(graph)
    for resource in of_kubernetes(graph):
        assert resource.cluster in fleet.clusters
        assert resource.provider.rpartition("::")[0] == graph[f"{resource.cluster}/kubernetes"].urn


def test_there_is_one_kubernetes_provider_a_cluster_and_no_other_provider(graph: Graph, fleet: Fleet) -> None:
    assert sorted(provider.name for provider in graph.providers) == sorted(
        f"{cluster}/kubernetes" for cluster in fleet.clusters
    )


def test_a_provider_knows_its_cluster_by_name_and_changes_secrets_in_place(graph: Graph, fleet: Fleet) -> None:
    for provider in graph.providers:
        assert provider.inputs["clusterIdentifier"] == f"{fleet.name}/{provider.cluster}"
        # Whatever is in a cluster of a stranger is not taken over.
        created = fleet.clusters[provider.cluster].capabilities.ends_with_stack
        assert provider.inputs["upsertExistingObjects"] == ("true" if created else "false")
        assert provider.inputs["enablePatchForce"] == "true"
        assert provider.inputs["enableServerSideApply"] == "true"
        assert provider.inputs["enableSecretMutable"] == "true"
        assert provider.inputs["enableConfigMapMutable"] == "true"
        named = fleet.clusters[provider.cluster].capabilities.context
        assert provider.inputs.get("context") == (named.context if named else None)


def test_what_is_registered_is_what_render_writes(graph: Graph, fleet: Fleet) -> None:
    planned = {
        f"{cluster}/{document.name}": document.body for cluster, plan in fleet_plan(fleet).items() for document in plan
    }
    registered = {resource.name: resource for resource in of_kubernetes(graph) if not resource.read}
    assert planned.keys() == registered.keys()
    for name, body in planned.items():
        resource, inputs = registered[name], plain(registered[name].inputs)
        if isinstance(body, Release):
            assert resource.type == "kubernetes:helm.sh/v3:Release"
            assert (inputs["name"], inputs["namespace"]) == (body.name, body.namespace)
            assert inputs["chart"].rpartition("/")[2] == body.chart
            assert inputs["skipAwait"] is not body.wait
            # Whose it is and of which chart is of no matter to what is rendered.
            everywhere = {key: value for key, value in inputs["values"]["global"].items() if key != MARK}
            values = {key: value for key, value in inputs["values"].items() if key != "global"}
            assert fits(body.values, values | ({"global": everywhere} if "global" in body.values else {}))
        else:
            assert resource.type == type_token(body["apiVersion"], body["kind"])
            assert fits(body, inputs)


def with_call_stack(graph: Graph) -> list[str]:
    """The resources of a program that the state keeps a place in the code of, by their names."""
    return [found.name for found in graph.resources.values() if found.call_stack and found.type != STACK]


def test_the_state_keeps_no_paths_of_this_machine_with_any_resource(graph: Graph) -> None:
    assert with_call_stack(graph) == []


def test_of_other_programs_the_same_runtime_of_pulumi_sends_them() -> None:
    class Other(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("other:index:Other", "other")

    def program() -> None:
        Other()

    assert with_call_stack(recorded("other", program)) == ["other"]


def test_logical_names_are_a_cluster_or_a_mesh_and_what_it_is(graph: Graph, fleet: Fleet) -> None:
    owners = {*fleet.clusters, *(f"mesh {mesh}" for mesh in fleet.meshes)}
    for resource in (*graph.custom, *graph.providers):
        assert resource.cluster in owners
        assert re.fullmatch(r"[a-z0-9-]+", resource.what)


def test_every_custom_resource_is_inside_a_component_of_the_fleet(graph: Graph, fleet: Fleet) -> None:
    (root,) = (found for found in graph.resources.values() if found.type == f"{COMPONENT_PREFIX}Fleet")
    for resource in (*graph.custom, *graph.providers):
        component = graph.resources[resource.parent]
        assert component.type.startswith(COMPONENT_PREFIX)
        # What a cluster gets for a control plane that it hosts, or for a gateway of a cluster that it serves, is in a
        # component of the other cluster's name.
        hosted = (*fleet.hosted_by(resource.cluster), *fleet.remotes_of(resource.cluster))
        assert component.name in {resource.cluster, *hosted, *(f"{resource.cluster} for {name}" for name in hosted)}
        assert component.parent == root.urn


def test_nothing_waits_for_itself(graph: Graph) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for resource, other in graph.edges():
        sorter.add(resource.name, other.name)
    sorter.prepare()


def test_the_contents_of_an_embedded_cluster_vanish_with_it_and_those_of_an_existing_one_do_not(
    graph: Graph, fleet: Fleet
) -> None:
    inside = [resource for resource in of_kubernetes(graph) if not resource.read]
    inside += [resource for resource in graph.custom if resource.type.endswith(":GatewayAddress")]
    for resource in inside:
        created = fleet.clusters[resource.cluster].capabilities.ends_with_stack
        made = {f"{resource.cluster}/{what}" for what in ("processes", "nodes")} & graph.names()
        assert len(made) == created
        assert resource.deleted_with == (graph[made.pop()].urn if created else "")


def test_processes_are_stopped_by_themselves_and_not_with_their_cluster(graph: Graph) -> None:
    for resource in graph.custom:
        if resource.type.rpartition(":")[2] in ("EmbeddedCluster", "KindCluster", "Istiod", "IstiodAddress"):
            assert resource.deleted_with == ""


def test_registered_resources_grow_with_the_number_of_clusters_and_not_its_square() -> None:
    two, four, eight = (len(record(fleet_of(size)).resources) for size in (2, 4, 8))
    assert eight - four == 2 * (four - two)


def test_what_is_registered_twice_has_every_section_of_all_shapes() -> None:
    def sections(shapes: Iterable[str]) -> set[str]:
        plans = (plan for shape in shapes for plan in fleet_plan(fleet_called(shape)).values())
        return {document.section.name for plan in plans for document in plan}

    assert sections(WITH_EVERY_SECTION) == sections(shape for shape in NAMES if shape not in RENDERED)


# That stacks have the names and edges of other runs: test_recorded_graphs.py.
@pytest.mark.parametrize("shape", WITH_EVERY_SECTION)
def test_two_runs_register_the_same(shape: str) -> None:
    graph, again = graph_called(shape), record(fleet_called(shape))
    assert {urn: resource.inputs for urn, resource in again.resources.items()} == {
        urn: resource.inputs for urn, resource in graph.resources.items()
    }
