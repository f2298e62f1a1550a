"""Two revisions side by side: what there is once for each, what there is once, and what is on which."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.topology import Fleet, load
from tests.components.fleets import CONFIGURATIONS, fleet_called
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.components.waiting import all_ready, istiod_chart, istiod_process, served

pytestmark = pytest.mark.proof("two revisions of Istio side by side", step=1)

REVISIONS = ("blue", "green")


@pytest.fixture
def two(graph_of: Any) -> Graph:
    """Three clusters with the revisions `blue` and `green`; gateways are on `green`, everything else on `blue`."""
    found: Graph = graph_of("two-revisions")
    return found


def with_istio(**istio: Any) -> Fleet:
    """The same fleet with another `istio`."""
    return load("two-revisions", CONFIGURATIONS["two-revisions"] | {"istio": istio})


def test_each_revision_has_its_charts_its_processes_and_its_wait_in_every_cluster(two: Graph) -> None:
    for revision in REVISIONS:
        expected = {istiod_chart(cluster, revision) for cluster in ("west", "branch", "east")}
        expected |= {istiod_process("west", revision), f"west/istiod-{revision}-address", served("branch", revision)}
        expected |= {f"{istiod_chart(cluster, revision)}-objects" for cluster in ("west", "branch", "east")}
        assert {name for name in two.names() if revision in name} == expected


def test_authority_discovery_and_gateway_are_there_once(two: Graph) -> None:
    for cluster in ("west", "east"):
        for what in ("istio-base", "cacerts", "remote-secrets", "reader-token", "east-west-gateway"):
            assert len([found for found in two.custom if found.name == f"{cluster}/{what}"]) == 1
    # Both istiods of a cluster sign with the same intermediate.
    blue, green = (two[istiod_process("west", revision)] for revision in REVISIONS)
    assert blue.inputs["certificateAuthority"] == green.inputs["certificateAuthority"]
    assert blue.inputs["address"].keys() == green.inputs["address"].keys()


def test_each_istiod_is_of_its_own_version_and_everything_else_of_the_newest(two: Graph) -> None:
    versions = {found.what: found.inputs["version"] for found in two.custom if "version" in found.inputs}
    assert versions == {
        "istiod-blue": "1.31.0",
        "istiod-green": "1.31.2",
        "istio-base": "1.31.2",
        "east-west-gateway": "1.31.2",
    }


def test_gateways_are_on_their_revision_and_namespaces_on_the_first_tag_of_theirs(two: Graph) -> None:
    for cluster in ("west", "branch", "east"):
        assert two[f"{cluster}/east-west-gateway"].inputs["values"]["revision"] == "green"
        labels = two[f"{cluster}/namespace-sample"].inputs["metadata"]["labels"]
        assert (labels["istio.io/rev"], "istio-injection" in labels) == ("stable", False)
        for tag in ("stable", "prod"):
            assert two[f"{cluster}/tag-{tag}"].inputs["metadata"]["labels"]["istio.io/rev"] == "blue"


def test_nothing_is_injected_before_every_istiod_answers(two: Graph) -> None:
    fleet = fleet_called("two-revisions")
    for cluster in fleet.clusters:
        for what in ("namespace-sample", "east-west-gateway"):
            assert all_ready(fleet, cluster) <= two.waits_for(f"{cluster}/{what}")


def test_a_tag_waits_for_the_chart_of_the_revision_it_stands_for_and_for_no_other(two: Graph) -> None:
    for cluster in ("west", "branch", "east"):
        before = two.waits_for(f"{cluster}/tag-stable")
        assert istiod_chart(cluster, "blue") in before
        assert istiod_chart(cluster, "green") not in before


def test_a_tag_leads_to_the_process_of_the_revision_it_stands_for() -> None:
    graph = record(fleet_called("two-revisions"))
    for cluster in ("west", "branch"):
        webhooks = graph[f"{cluster}/tag-prod"].inputs["webhooks"]
        values = graph[istiod_chart(cluster, "blue")].inputs["values"]
        assert {webhook["clientConfig"]["url"] for webhook in webhooks} == {values["istiodRemote"]["injectionURL"]}
        assert graph["west/istiod-blue-address"].urn in graph[f"{cluster}/tag-prod"].property_dependencies["webhooks"]
    services = [webhook["clientConfig"]["service"] for webhook in graph["east/tag-prod"].inputs["webhooks"]]
    assert {service["name"] for service in services} == {"istiod-blue"}


def test_a_second_revision_adds_its_own_resources_and_changes_none_of_the_first() -> None:
    one = record(with_istio(revisions={"blue": {}}, revision="blue", tags=["stable", "prod"]))
    both = record(with_istio(revisions={"blue": {}, "green": {}}, revision="blue", tags=["stable", "prod"]))
    assert {name for name in both.names() if "green" not in name} == one.names()
    for resource in one.custom:
        # The way in leads to both, and readers may read the mesh configuration of both.
        if resource.what not in {"istiod-routes", "reader-cluster-role", "reader-system-role"}:
            assert both[resource.name].inputs == resource.inputs


def test_every_revision_is_exported_with_its_version_and_where_it_can_be_queried(two: Graph) -> None:
    planes = {cluster["name"]: cluster["controlPlane"] for cluster in two.outputs["fleet"]["clusters"]}
    for name, plane in planes.items():
        found = [(one["name"], one["version"], one.get("debugUrl")) for one in plane["revisions"]]
        urls = [f"debugUrl of {istiod_process(name, revision)}" if name == "west" else None for revision in REVISIONS]
        assert found == [("blue", "1.31", urls[0]), ("green", "1.31.2", urls[1])]
        assert (plane["revision"], plane["gatewayRevision"], plane["tags"]) == ("blue", "green", ["stable", "prod"])
        assert plane.get("debugUrl") == urls[0]
