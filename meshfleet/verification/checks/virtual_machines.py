"""Every virtual machine that was started on this machine runs, is registered in the mesh and is healthy.

Source: pilot/pkg/autoregistration of istio/istio
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightkube.generic_resource import create_namespaced_resource

from meshfleet.dataplane.machine.machine import AGENT, Machine, machines_here
from meshfleet.manifests.virtual_machines import CONNECTED, HEALTH_CHECKED
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.machine_entries import entry_of
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.view import ClusterView, FleetView

# Created once: several threads check clusters at a time, and creating it twice is an error.
_WORKLOAD_ENTRY = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")


class VirtualMachines(Check):
    """Compares the machines that run here with the WorkloadEntries of the cluster that they joined."""

    name = "virtual-machines"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if _here(fleet, one))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            entries = list(client.list(_WORKLOAD_ENTRY, namespace="*"))
        machines, faults = [], []
        for view, machine in _here(fleet, cluster):
            fault = fault_of(view, machine.address, machine.running(), entries)
            machines.append(f"{machine.name} at {machine.address}")
            faults += [f"{machine.name} at {machine.address}: {fault}"] if fault else []
        return Finding(not faults, "; ".join(faults) or f"{', '.join(machines)}: running and registered")


def fault_of(view: MachineView, address: str, running: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> str:
    """The fault of a machine; empty without a fault. Pure."""
    advice = f"run meshfleet vm start {view.name}"
    if AGENT not in running:
        return f"its agent has stopped; {advice}"
    found = [one for one in entries if _is_at(one, address, view.namespace)]
    if not found:
        return f"no WorkloadEntry in {view.control_plane} has its address; {advice}"
    (entry, *_) = found
    annotations = entry_of(entry).annotations
    checked = HEALTH_CHECKED in annotations
    if (view.registers or checked) and CONNECTED not in annotations:
        return f"it is not connected to istiod; {advice}"
    conditions = {one.get("type"): one for one in (entry.get("status") or {}).get("conditions") or ()}
    health = conditions.get("Healthy", {})
    if checked and health.get("status") != "True":
        return f"it is not healthy ({' '.join(str(health.get('message') or 'no health report yet').split())[:200]})"
    return ""


def _is_at(content: Mapping[str, Any], address: str, namespace: str) -> bool:
    entry = entry_of(content)
    return (entry.address, entry.namespace) == (address, namespace)


def _here(fleet: FleetView, cluster: ClusterView) -> list[tuple[MachineView, Machine]]:
    if fleet.home is None:
        return []
    views = [view for view in fleet.virtual_machines if view.control_plane == cluster.name]
    return [(view, machine) for view in views for machine in machines_here(fleet.workspace(), view.name)]
