"""Clusters move between networks only where every network keeps a gateway while they do."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.rollout.network_moves import unreachable_during
from meshfleet.rollout.transitions.clusters import AGAIN
from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet


def network_moves(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster whose move to another network would leave pods that no gateway leads to."""
    before = {name: cluster.network for name, cluster in deployed.clusters.items() if cluster.network}
    for name, network in unreachable_during(before, fleet).items():
        yield Fault(
            f"clusters.{name}.network",
            f"{shown(fleet.clusters[name].network)}, but the cluster runs on {shown(before[name])}, and a cluster has "
            f"one gateway, into one network: while its pods move, no gateway of another cluster would lead to "
            f"{shown(network)}, and requests would be lost; move it to the network of another cluster first, then to "
            f"this one, or {AGAIN}",
        )
