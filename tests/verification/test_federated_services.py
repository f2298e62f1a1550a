"""A federated name that an istiod does not serve, or not with every provider, is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshfleet.verification import FleetView
from meshfleet.verification.checks import FederatedServices
from meshfleet.verification.checks.federated_services import imported, judge
from meshfleet.verification.istiod import Shard
from meshfleet.verification.view import FederatedView

pytestmark = pytest.mark.proof("one name leads to a Service in several clusters", step=0)

HOST = "till.shop.svc.clusterset.local"
SERVICE = FederatedView(HOST, ("west", "east"))


@pytest.fixture
def named(fleet: FleetView) -> FleetView:
    """Its first cluster imports the Service."""
    first, *others = fleet.clusters
    return replace(fleet, clusters=(replace(first, federated=(SERVICE,)), *others))


def shard(cluster: str, endpoints: int = 1) -> Shard:
    return Shard(cluster, endpoints, frozenset({"net"}))


def test_each_istiod_of_a_cluster_that_imports_one_is_asked(fleet: FleetView, named: FleetView) -> None:
    assert FederatedServices().targets(fleet) == ()
    assert [one.name for one in FederatedServices().targets(named)] == ["west"]
    assert imported(named, named.clusters[0]) == (SERVICE,)


@pytest.mark.parametrize(
    ("services", "told"),
    [
        ({}, "has no endpoint in west, east"),
        ({HOST: {"west": shard("west")}}, "has no endpoint in east"),
        ({HOST: {"west": shard("west"), "east": shard("east", 0)}}, "has no endpoint in east"),
    ],
)
def test_a_provider_without_endpoints_is_named(
    named: FleetView, services: dict[str, dict[str, Shard]], told: str
) -> None:
    finding = judge(named, named.clusters[0], services)
    assert not finding.passed
    assert f"{HOST} {told}" in finding.detail


def test_a_name_with_every_provider_holds(named: FleetView) -> None:
    finding = judge(named, named.clusters[0], {HOST: {name: shard(name) for name in ("west", "east")}})
    assert finding.passed
    assert HOST in finding.detail
