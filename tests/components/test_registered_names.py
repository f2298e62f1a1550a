"""Names across clusters are registered where they are called and provided, behind what they need there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.components.registered_graph import Graph

pytestmark = pytest.mark.proof("one name leads to a Service in several clusters", step=1)

GraphOf = Callable[[str], Graph]


@pytest.fixture
def named(graph_of: GraphOf) -> Graph:
    return graph_of("names")


def of(graph: Graph, cluster: str, what: str) -> set[str]:
    """The resources of a cluster whose names begin so, without the beginning."""
    beginning = f"{cluster}/service-{what}-"
    return {name.removeprefix(beginning) for name in graph.names() if name.startswith(beginning)}


def test_providers_export_consumers_import_and_a_stub_is_where_nothing_runs(named: Graph) -> None:
    expected = {"west": {"outside"}, "branch": {"till"}, "east": {"cart"}}
    assert {cluster: of(named, cluster, "export") for cluster in expected} == expected
    for cluster in expected:
        assert of(named, cluster, "import") == {"cart", "till", "outside"}
    # The Service of a workload is everywhere already.
    stubs = {"west": {"till"}, "branch": {"outside"}, "east": {"till", "outside"}}
    assert {cluster: of(named, cluster, "stub") for cluster in expected} == stubs


def test_workloads_are_shared_as_before(named: Graph) -> None:
    assert {f"{cluster}/workload-export-web" for cluster in ("west", "branch", "east")} <= set(named.names())


def test_an_import_waits_for_its_definition_its_namespace_its_service_and_its_export(named: Graph) -> None:
    waits = named.waits_for("branch/service-import-till")
    assert {"branch/service-definition-imports", "branch/namespace-sample", "branch/service-export-till"} <= waits
    assert any(name.startswith("branch/propagation-own-service-") for name in waits)
    assert {"east/workload-service-cart", "east/service-export-cart"} <= named.waits_for("east/service-import-cart")
    assert "west/service-stub-till" in named.waits_for("west/service-import-till")


def test_every_istiod_of_the_mesh_and_no_other_serves_the_names(named: Graph, graph_of: GraphOf) -> None:
    settings = {"ENABLE_MCS_SERVICE_DISCOVERY": "true", "ENABLE_MCS_HOST": "true"}
    assert settings.items() <= named["west/istiod"].inputs["values"]["env"].items()
    assert settings.items() <= named["east/istiod"].inputs["values"]["env"].items()
    assert not settings.keys() & graph_of("settings")["west/istiod"].inputs["values"]["env"].keys()


def test_a_dns_name_waits_for_every_gateway_it_leads_to_and_is_published_from_the_host(named: Graph) -> None:
    assert {name for name in named.names() if "/dns-" in name} == {"west/dns-definition", "west/dns-inner"}
    waits = named.waits_for("west/dns-inner")
    assert {"west/ingress-gateway-inner", "east/ingress-gateway-inner", "west/dns-definition"} <= waits
