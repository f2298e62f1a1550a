"""A cluster keeps its mesh and its provider for as long as it lives."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet

# How to get the same result by other changes.
AGAIN = "take it out of the file, run up and add it again, or add the new one under another name"


def meshes_of_clusters(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster that would change its mesh.

    The mesh is in the identity of its workloads and its root in their certificates (meshConfig.trustDomain,
    `cacerts`), so that halfway no workload would trust another.
    """
    for name in fleet.clusters:
        before, after = deployed.clusters.get(name), fleet.mesh_of(name)
        if before and before.mesh and before.mesh != after:
            yield Fault(
                f"clusters.{name}.mesh",
                f"{shown(after)}, but the cluster runs in the mesh {shown(before.mesh)}; the identity and the root of "
                f"all that runs in it would change at once: {AGAIN}",
            )


def providers(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each name that would be another provider's cluster, in which nothing is yet."""
    for name, cluster in fleet.clusters.items():
        before = deployed.clusters.get(name)
        if before and before.provider and before.provider != cluster.provider:
            yield Fault(
                f"clusters.{name}.{cluster.provider}",
                f"the cluster of this name that runs is {before.provider}, and what is in it does not move to "
                f"another: {AGAIN}",
            )
