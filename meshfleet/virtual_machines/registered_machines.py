"""The machines of a running fleet: each group as the stack has it, with the WorkloadEntries that there are of it.

Source: pilot/pkg/autoregistration of istio/istio
"""

from __future__ import annotations

from typing import Any

from meshfleet.kube.api_errors import expected_form
from meshfleet.kube.loading import load_lightkube
from meshfleet.manifests.virtual_machines import CONNECTED, HEALTH_CHECKED, entry_name
from meshfleet.status import Status
from meshfleet.status.clusters import Cluster
from meshfleet.status.document import VirtualMachine
from meshfleet.virtual_machines.bundles import connected

GROUP = "istio.io/autoRegistrationGroup"


def registered_machines(status: Status) -> list[dict[str, Any]]:
    """What the status tells of each group, and `registered`: its machines, as istiods have noted them.

    Raises ClusterError when a cluster that has some does not respond or refuses.
    """
    homes = {machines.control_plane for machines in status.virtual_machines}
    entries = {home: _entries(status.cluster(home)) for home in sorted(homes)}
    described = []
    for machines in status.virtual_machines:
        home = machines.control_plane
        with expected_form(f"{home}: WorkloadEntries"):
            registered = [_described(entry) for entry in entries[home] if _is_of(machines, entry)]
        described.append({**machines.document(), "registered": registered})
    return described


def _entries(cluster: Cluster) -> list[Any]:
    load_lightkube()
    from lightkube.generic_resource import create_namespaced_resource

    from meshfleet.kube.api_errors import api_errors

    kind = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")
    with connected(cluster) as client, api_errors(f"{cluster.name}: WorkloadEntries"):
        return list(client.list(kind, namespace="*"))


def _is_of(machines: VirtualMachine, entry: Any) -> bool:
    if entry.metadata.namespace != machines.namespace:
        return False
    if machines.group:
        return bool((entry.metadata.annotations or {}).get(GROUP) == machines.group)
    return entry.metadata.name in {entry_name(machines.name, address) for address in machines.addresses}


def _described(entry: Any) -> dict[str, Any]:
    """A machine: `healthy` is None without a probe, and False before the first probe."""
    annotations = entry.metadata.annotations or {}
    conditions = {one.get("type"): one.get("status") for one in (entry.status or {}).get("conditions") or ()}
    checked = HEALTH_CHECKED in annotations
    return {
        "name": entry.metadata.name,
        # A machine behind the gateway of its network need not have one.
        "address": str((entry.spec or {}).get("address") or ""),
        "connected": CONNECTED in annotations,
        "healthy": conditions.get("Healthy") == "True" if checked else None,
    }
