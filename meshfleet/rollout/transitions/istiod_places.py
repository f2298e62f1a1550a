"""A cluster that the fleet leads to node ports of its istiod is not led by Istio's chart in place.

The Service `istiod` in it is the fleet's then, and Helm takes an object that it has not made for its own in no release
(checkOwnership in pkg/action/validate.go of helm/helm). The other way Helm removes its own first.
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.rollout.transitions.clusters import AGAIN
from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.gateways import ISTIOD_PORT, WEBHOOK_PORT


def istiod_places(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster that reaches its istiod at other ports now, and would at Istio's own again."""
    for name in fleet.clusters:
        host = fleet.hosting(name)
        before = deployed.clusters.get(host)
        if before is None or host not in deployed.servers_of(name) or before.istiod_port in (0, ISTIOD_PORT):
            continue
        if _at_its_own_ports(fleet, host, name):
            yield Fault(
                f"clusters.{host}.eastWestGateway",
                f"{shown(name)} reaches its istiod behind this gateway at the port {before.istiod_port}, by a Service "
                f"{shown('istiod')} that Istio's chart cannot take over for the port {ISTIOD_PORT}; keep the gateway's "
                f"ports, or for {shown(name)}: {AGAIN}",
            )


def _at_its_own_ports(fleet: Fleet, host: str, viewer: str) -> bool:
    if entry := fleet.advertised_to(host, viewer):
        return (entry.istiod_port, entry.webhook_port) == (ISTIOD_PORT, WEBHOOK_PORT)
    gateway = fleet.clusters[host].east_west_gateway
    return gateway is None or gateway.type != "NodePort"
