"""The machines of a running fleet: each group as the stack has it, with the WorkloadEntries that there are of it.

Source: pilot/pkg/autoregistration of istio/istio
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshfleet.automation.machine_bundle import connected
from meshfleet.embedded.api_errors import expected_form
from meshfleet.manifests.virtual_machines import CONNECTED, HEALTH_CHECKED, entry_name

GROUP = "istio.io/autoRegistrationGroup"


def registered_machines(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the status tells of each group, and `registered`: its machines, as istiods have noted them.

    Raises ClusterError when a cluster that has some does not answer or refuses.
    """
    clusters = {entry["name"]: entry for entry in status["clusters"]}
    homes = {told["controlPlane"] for told in status["virtualMachines"]}
    entries = {home: _entries(clusters[home]) for home in sorted(homes)}
    described = []
    for told in status["virtualMachines"]:
        home = told["controlPlane"]
        with expected_form(f"{home}: WorkloadEntries"):
            registered = [_described(entry) for entry in entries[home] if _is_of(told, entry)]
        described.append({**told, "registered": registered})
    return described


def _entries(cluster: Mapping[str, Any]) -> list[Any]:
    from lightkube.generic_resource import create_namespaced_resource

    from meshfleet.embedded.api_errors import api_errors

    kind = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")
    with connected(cluster) as client, api_errors(f"{cluster['name']}: WorkloadEntries"):
        return list(client.list(kind, namespace="*"))


def _is_of(told: Mapping[str, Any], entry: Any) -> bool:
    if entry.metadata.namespace != told["namespace"]:
        return False
    if told["group"]:
        return bool((entry.metadata.annotations or {}).get(GROUP) == told["group"])
    return entry.metadata.name in {entry_name(told["name"], address) for address in told["addresses"]}


def _described(entry: Any) -> dict[str, Any]:
    """A machine: `healthy` is None where nobody looks, and False until somebody has looked."""
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
