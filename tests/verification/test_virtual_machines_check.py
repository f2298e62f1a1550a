"""Machines that run here are held against what the cluster they joined knows of them."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.status import read_status
from meshfleet.verification import FleetView
from meshfleet.verification.checks.virtual_machines import VirtualMachines, fault_of
from meshfleet.verification.machine_view import MachineView, machine_view

pytestmark = pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=0)

BILLING = MachineView("billing", "orders", "west")
ADDRESS = "10.40.0.3"
BOTH = ("agent", "application")


def entry(*, connected: bool = True, health: str = "True", checked: bool = True) -> dict[str, Any]:
    annotations = {"istio.io/connectedAt": "2026-11-23T12:00:00Z"} if connected else {}
    if checked:
        annotations["proxy.istio.io/health-checks-enabled"] = "true"
    conditions = [{"type": "Healthy", "status": health, "message": "connection refused"}] if health else []
    return {
        "metadata": {"name": "billing-1", "namespace": "orders", "annotations": annotations},
        "spec": {"address": ADDRESS},
        "status": {"conditions": conditions},
    }


def test_a_machine_that_is_known_connected_and_healthy_holds() -> None:
    assert fault_of(BILLING, ADDRESS, BOTH, [entry()]) == ""
    assert fault_of(BILLING, ADDRESS, BOTH, [entry(health="", checked=False)]) == ""


def test_a_fixed_address_without_a_probe_is_never_reported() -> None:
    fixed = MachineView("ledger", "orders", "west", registers=False)
    assert fault_of(fixed, ADDRESS, BOTH, [entry(connected=False, health="", checked=False)]) == ""


@pytest.mark.parametrize(
    ("running", "entries", "told"),
    [
        (("application",), [entry()], "its agent has stopped; run meshfleet vm start billing"),
        (BOTH, [], "no WorkloadEntry in west has its address"),
        (BOTH, [entry(connected=False)], "it is not connected to istiod"),
        (BOTH, [entry(health="False")], "it is not healthy (connection refused)"),
        (BOTH, [entry(health="")], "it is not healthy (no health report yet)"),
    ],
)
def test_what_ails_a_machine_is_reported(running: tuple[str, ...], entries: list[dict[str, Any]], told: str) -> None:
    assert told in fault_of(BILLING, ADDRESS, running, entries)


def test_an_address_of_another_namespace_is_another_machine() -> None:
    other = entry()
    other["metadata"]["namespace"] = "papers"
    assert "no WorkloadEntry" in fault_of(BILLING, ADDRESS, BOTH, [other])


def test_a_fleet_without_machines_here_is_not_checked(fleet: FleetView) -> None:
    assert VirtualMachines().targets(fleet) == ()


def test_machines_are_read_from_status() -> None:
    told = {"name": "ledger", "namespace": "orders", "controlPlane": "west", "group": None}
    (machines,) = read_status({"stack": "test", "virtualMachines": [told]}).virtual_machines
    assert machine_view(machines) == MachineView("ledger", "orders", "west", registers=False)
