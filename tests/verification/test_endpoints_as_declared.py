"""Endpoints that istiods hold are each on the network and in the region that the stack declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from meshfleet.verification import FleetView
from meshfleet.verification.checks.endpoints_as_declared import judge
from meshfleet.verification.istiod import Endpoint, endpoints
from meshfleet.verification.machine_view import MachineView

pytestmark = pytest.mark.proof(
    "what proxies read at their start takes effect in running pods, without a lost request", step=0
)

ECHO = Endpoint("echo.shop", "east", "10.2.0.7", "net-east", "east/east-a", "echo-v1", "east-0")


def test_recorded_endpoints_are_read_with_their_place(recorded: Callable[[str], Any]) -> None:
    found = endpoints(recorded("endpointShardz.json"))
    assert {(one.cluster, one.network) for one in found} >= {("east", "net-east"), ("west", "net-west")}


def test_an_endpoint_where_it_is_declared_holds(fleet: FleetView) -> None:
    finding = judge(fleet, fleet.clusters[0], [ECHO])
    assert (finding.passed, finding.detail) == (True, "the istiod of west has 1 endpoints, all as the stack declares")


@pytest.mark.parametrize(
    "changed",
    [{"network": "shared"}, {"network": ""}, {"locality": "west/west-a"}, {"locality": ""}, {"locality": "east/b"}],
)
def test_an_endpoint_elsewhere_is_named_with_where_it_is(fleet: FleetView, changed: dict[str, str]) -> None:
    finding = judge(fleet, fleet.clusters[0], [replace(ECHO, **changed)])
    assert not finding.passed
    assert "echo-v1 of east at 10.2.0.7 is on network" in finding.detail
    assert "not network net-east, east/east-a" in finding.detail


def test_what_is_of_no_pod_has_no_region(fleet: FleetView) -> None:
    assert judge(fleet, fleet.clusters[0], [replace(ECHO, locality="", workload="", node="")]).passed


def test_an_istiod_and_another_mesh_are_not_checked(fleet: FleetView) -> None:
    istiod = replace(ECHO, host="istiod.istio-system.svc.cluster.local", locality="")
    assert judge(fleet, fleet.clusters[0], [istiod, replace(ECHO, cluster="solo")]).passed


def test_a_machine_is_where_its_group_says(fleet: FleetView) -> None:
    group = MachineView("till", "shop", "east", network="net-shop", locality=("r9", "", ""))
    held = replace(fleet, virtual_machines=(group,))
    machine = replace(ECHO, network="net-shop", locality="r9", node="")
    assert judge(held, fleet.clusters[0], [machine]).passed
    assert not judge(held, fleet.clusters[0], [replace(machine, locality="r8")]).passed


def test_a_machine_at_a_fixed_address_is_known_in_every_cluster_of_its_mesh(fleet: FleetView) -> None:
    elsewhere = next(one.name for one in fleet.mesh_members(fleet.clusters[0].mesh) if one.name != ECHO.cluster)
    fixed = MachineView("till", "shop", elsewhere, registers=False, network="net-shop", addresses=("10.30.0.7",))
    held = replace(fleet, virtual_machines=(fixed,))
    machine = replace(ECHO, network="net-shop", locality="r9", node="")
    assert judge(held, fleet.clusters[0], [machine]).passed
    assert not judge(held, fleet.clusters[0], [replace(machine, network="net-other")]).passed
    registered = replace(fleet, virtual_machines=(replace(fixed, registers=True, addresses=()),))
    assert not judge(registered, fleet.clusters[0], [machine]).passed
