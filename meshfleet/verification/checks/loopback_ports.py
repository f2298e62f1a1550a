"""The loopback ports of an embedded cluster accept only the user who runs the fleet.

istiod and KWOK require no credentials there; an nftables table rejects other users. A firewall reload or
`nft flush ruleset` may remove that table.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.embedded.loopback import cannot_close, open_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView


class LoopbackPorts(Check):
    """Compares the table with the reserved ports of the cluster and its istiods."""

    name = "loopback-ports"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return () if cannot_close() else _embedded(fleet)

    def skipped(self, fleet: FleetView) -> Mapping[str, str]:
        reason = cannot_close()
        return {cluster.name: reason for cluster in _embedded(fleet)} if reason else {}

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        workspace = fleet.workspace()
        owner, istiods = workspace.owner("cluster", cluster.name), workspace.owner("istiod", cluster.name, "")
        with reservations(workspace.home) as reserved:
            owners = {one: ports for one, ports in reserved.ports.items() if one == owner or one.startswith(istiods)}
        ports = {
            f"{one.removeprefix(istiods)}: {name}" if one != owner else name: port
            for one, taken in owners.items()
            for name, port in taken.items()
        }
        found = open_ports(workspace.home, ports)
        if found:
            return Finding(
                False,
                f"other users of this machine can reach {', '.join(found)} without credentials: the nftables table "
                f"that rejects them is missing or was changed; run meshfleet up --stack {fleet.stack}",
            )
        return Finding(
            True,
            f"{len(ports)} ports of {cluster.name}: other users of this machine can reach only its API server, which "
            "requires credentials",
        )


def _embedded(fleet: FleetView) -> tuple[ClusterView, ...]:
    if fleet.home is None:
        return ()
    return tuple(cluster for cluster in fleet.clusters if cluster.local)
