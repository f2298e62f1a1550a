"""One control plane serves two clusters whose pods reach each other directly; a gateway leads to its istiod alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running

pytestmark = [pytest.mark.extended, pytest.mark.proof("the model primary-remote", step=3)]
rooted = pytest.mark.root("real requests")

NAMES = ("primary", "branch")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "primary-remote-one-network") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "primary-remote, one network"
    assert checked["remote-control-plane"] == {"branch"}


def test_the_remote_is_read_and_injected_by_the_istiod_of_the_primary(fleet: Running) -> None:
    assert set(fleet.known_to("primary")) == fleet.shards("primary") == {"primary", "branch"}
    assert fleet.injected_by("branch") == ["primary"]
    assert fleet.istiods() == ["primary"]
    fleet.assert_served_from_elsewhere("branch", "mesh")
    fleet.assert_leads_to_gateway_of("branch", "primary")


def test_the_gateway_leads_to_istiod_and_into_no_network(fleet: Running) -> None:
    assert fleet.gateways("primary") == {}
    gateway = fleet.get("primary", "service", GATEWAY, "--namespace", "istio-system")
    assert "topology.istio.io/network" not in gateway["metadata"]["labels"]
    assert {port["port"] for port in gateway["spec"]["ports"]} >= {15012, 15017}
    assert fleet.names("primary", "gateways.networking.istio.io", "--all-namespaces") == {"istiod-gateway"}
    assert fleet.cluster("primary")["gateway"]["port"] == 15012
    assert fleet.cluster("branch")["gateway"] is None
    assert GATEWAY not in fleet.names("branch", "services", "--namespace", "istio-system")


def test_endpoints_of_both_clusters_are_on_the_one_network(fleet: Running) -> None:
    networks = {
        endpoint["Network"]
        for namespaces in fleet.istiod("primary").page("endpointShardz").values()
        for found in namespaces.values()
        for endpoints in found["Shards"].values()
        for endpoint in endpoints or []
    }
    assert networks == {"shared"}


@rooted
@pytest.mark.proof("the model primary-remote", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("the model primary-remote", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert "traffic-wire" not in checked
