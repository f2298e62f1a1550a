"""What virtual machines need is registered behind the istiod that looks at it, in the cluster that reads it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph
from tests.components.waiting import all_ready

pytestmark = pytest.mark.proof("virtual machines: what they need in each cluster", step=1)

GraphOf = Callable[[str], Graph]
SEVERAL = "virtual-machines-of-several-clusters"


def of_machines(graph: Graph) -> set[str]:
    return {resource.name for resource in graph.custom if resource.what.startswith("machine-")}


def test_everything_is_where_its_control_plane_reads_and_services_are_where_they_are_called(graph_of: GraphOf) -> None:
    assert of_machines(graph_of(SEVERAL)) == {
        # One identity for two groups, both of the control plane of one cluster.
        "west/machine-account-sample-billing",
        "west/machine-group-billing",
        "west/machine-entry-ledger-10-0-0-7",
        "west/machine-entry-ledger-10-0-0-8",
        "west/machine-service-billing",
        "west/machine-service-ledger",
        "branch/machine-service-billing",
        "east/machine-group-printer",
        "east/machine-service-billing",
        "east/machine-service-ledger",
    }


def test_machines_come_after_their_namespace_and_after_every_revision_of_istiod(graph: Graph, fleet: Fleet) -> None:
    for resource in graph.custom:
        if resource.what.startswith("machine-"):
            before = graph.waits_for(resource.name)
            assert f"{resource.cluster}/namespace-{resource.inputs['metadata']['namespace']}" in before
            assert all_ready(fleet, resource.cluster) <= before


def test_what_can_register_comes_after_its_identity(graph_of: GraphOf) -> None:
    graph = graph_of(SEVERAL)
    for name in ("west/machine-group-billing", "west/machine-entry-ledger-10-0-0-7"):
        assert "west/machine-account-sample-billing" in graph.waits_for(name)


def test_a_control_plane_that_only_machines_join_has_a_gateway_that_leads_to_it(graph_of: GraphOf) -> None:
    graph = graph_of("virtual-machines-of-one-cluster")
    assert {"only/east-west-gateway", "only/istiod-gateway", "only/istiod-routes"} <= graph.names()
    assert "only/cross-network-gateway" not in graph.names()
    (told,) = graph.outputs["fleet"]["clusters"]
    assert told["gateway"]["network"] == ""
    assert not {"only/east-west-gateway", "only/istiod-gateway"} & graph_of("one-cluster").names()


def test_status_reports_every_group(graph_of: GraphOf) -> None:
    billing, ledger, printer = graph_of(SEVERAL).outputs["fleet"]["virtualMachines"]
    assert billing == {
        "name": "billing",
        "namespace": "sample",
        "cluster": "west",
        "controlPlane": "west",
        "network": "network-west",
        "serviceAccount": "billing",
        "labels": {"app": "billing"},
        "selector": {"app": "billing"},
        "locality": "",
        "ports": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
        "host": "billing.sample.svc.cluster.local",
        "group": "billing",
        "addresses": [],
    }
    assert (ledger["cluster"], ledger["controlPlane"], ledger["network"]) == ("branch", "west", "network-branch")
    assert (ledger["group"], ledger["addresses"]) == (None, ["10.0.0.7", "10.0.0.8"])
    assert (printer["ports"], printer["host"]) == ([], None)
    assert graph_of("one-cluster").outputs["fleet"]["virtualMachines"] == []
