"""The ports of an embedded cluster on loopback answer the user of the fleet alone.

istiod and KWOK ask for no credentials there; a table of nftables refuses other users. Whatever writes the packet rules
of the machine (a firewall that is reloaded, `nft flush ruleset`) may take it away.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.embedded.loopback import cannot_close, open_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView


class LoopbackPorts(Check):
    """Compares the table with the ports that the cluster and its istiods have reserved."""

    name = "loopback-ports"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return () if cannot_close() else _embedded(fleet)

    def prevented(self, fleet: FleetView) -> Mapping[str, str]:
        reason = cannot_close()
        return {cluster.name: reason for cluster in _embedded(fleet)} if reason else {}

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        workspace = fleet.workspace()
        owner, istiods = workspace.owner("cluster", cluster.name), workspace.owner("istiod", cluster.name, "")
        with reservations(workspace.home) as held:
            owners = {one: ports for one, ports in held.ports.items() if one == owner or one.startswith(istiods)}
        ports = {
            f"{one.removeprefix(istiods)}: {name}" if one != owner else name: port
            for one, taken in owners.items()
            for name, port in taken.items()
        }
        found = open_ports(workspace.home, ports)
        if found:
            return Finding(
                False,
                f"other users of this machine reach {', '.join(found)} without credentials: the table of nftables that "
                f"refuses them is missing or was changed; run meshfleet up --stack {fleet.stack}",
            )
        return Finding(
            True,
            f"{len(ports)} ports of {cluster.name}: no other user of this machine reaches one, but "
            "for its API server, which asks for credentials",
        )


def _embedded(fleet: FleetView) -> tuple[ClusterView, ...]:
    if fleet.home is None:
        return ()
    return tuple(cluster for cluster in fleet.clusters if cluster.local)
