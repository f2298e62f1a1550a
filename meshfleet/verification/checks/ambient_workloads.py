"""In ambient mode each istiod knows the ztunnels of its cluster and the gateways to other networks.

Source: /debug/ambientz, pilot/pkg/xds/debug.go: the resources that istiod sends to ztunnel (istio.workload.Address).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import VerificationError
from meshfleet.verification.access import each_istiod, istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView

ZTUNNEL = "ztunnel"
GATEWAY = "NetworkGateway/"
SPLIT_HORIZON = "/SplitHorizonWorkload/"


@dataclass(frozen=True)
class Workload:
    """One workload as sent to ztunnel. `uid` includes its kind, `services` are the host names of its Services."""

    uid: str
    cluster: str
    network: str
    name: str
    services: tuple[str, ...]


class AmbientWorkloads(Check):
    """Reads `/debug/ambientz` from the istiod of every ambient cluster."""

    name = "ambient-workloads"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.istiods() if cluster.data_plane == "ambient")

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        pages = istiod_access(fleet, cluster).pages("ambientz", timeout)
        return each_istiod(pages, workloads, lambda found: judge(fleet, cluster, found))


def judge(fleet: FleetView, cluster: ClusterView, found: Sequence[Workload]) -> Finding:
    """Whether the istiod of `cluster` knows its own ztunnels, and a gateway into every other network it discovers."""
    agents = [one for one in found if one.cluster == cluster.name and one.name.startswith(f"{ZTUNNEL}-")]
    if not agents:
        return Finding(
            False,
            f"the istiod of {cluster.name} knows no {ZTUNNEL} of its cluster among {len(found)} workloads; "
            f"check that the DaemonSet {ZTUNNEL} exists and that the cluster has nodes",
        )
    gateways = {one.network for one in found if one.uid.startswith(GATEWAY)}
    others = {member.network for member in fleet.discovered_from(cluster)} - {cluster.network}
    if missing := sorted(others - gateways):
        return Finding(
            False,
            f"the istiod of {cluster.name} has no ztunnel gateway to {', '.join(missing)}; check that the Gateway "
            "istio-eastwestgateway exists with an address, and that istiod has AMBIENT_ENABLE_MULTI_NETWORK set",
        )
    crossing = sorted({service for one in found if SPLIT_HORIZON in one.uid for service in one.services})
    beyond = f", gateways to {', '.join(sorted(others))}" if others else ""
    shared = f", shared services {', '.join(crossing)}" if crossing else ""
    return Finding(True, f"the istiod of {cluster.name} has ztunnel on {len(agents)} nodes{beyond}{shared}")


def workloads(answer: Any) -> tuple[Workload, ...]:
    """Parse /debug/ambientz. Raises VerificationError for another format."""
    entries = answer.get("workloads") if isinstance(answer, Mapping) else answer
    if entries is None:
        return ()
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise VerificationError(f"/debug/ambientz has no list of workloads: {str(answer)[:120]}")
    return tuple(
        Workload(
            uid=str(entry.get("uid", "")),
            cluster=str(entry.get("clusterId", "")),
            network=str(entry.get("network", "")),
            name=str(entry.get("name", "")),
            services=_services(entry),
        )
        for entry in entries
    )


def _services(entry: Mapping[str, Any]) -> tuple[str, ...]:
    # By `<namespace>/<host name>`.
    found = entry.get("services") or {}
    if not isinstance(found, Mapping):
        raise VerificationError(f"/debug/ambientz has a workload whose services are not a mapping: {str(entry)[:120]}")
    return tuple(str(service).partition("/")[2] for service in found)
