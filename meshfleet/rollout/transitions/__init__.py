"""Changes that a running fleet cannot make in place: each with the reason, and how to make it.

Pure: evaluated from what is deployed and the new topology, before anything is changed. Every other change is made in
place: clusters are added and removed, a remote cluster gets a control plane of its own, a primary without remote
clusters becomes remote, pods restart for what a proxy reads at its start. Changes in stages, such as another root or
another network of a cluster, are in meshfleet/rollout/stages.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from meshfleet.errors.faults import Fault
from meshfleet.rollout.transitions.clusters import meshes_of_clusters, providers
from meshfleet.rollout.transitions.control_planes import namespaces, primaries_that_go, primaries_that_turn_remote
from meshfleet.rollout.transitions.deployed import DeployedCluster, DeployedFleet
from meshfleet.rollout.transitions.istiod_places import istiod_places
from meshfleet.rollout.transitions.networks import network_moves
from meshfleet.rollout.transitions.recreation import address_ranges
from meshfleet.rollout.transitions.trust_domains import trust_domains
from meshfleet.topology.fleet import Fleet

Transition = Callable[[DeployedFleet, Fleet], Iterable[Fault]]

TRANSITIONS: tuple[Transition, ...] = (
    meshes_of_clusters,
    providers,
    namespaces,
    primaries_that_turn_remote,
    primaries_that_go,
    trust_domains,
    network_moves,
    istiod_places,
)


def transitions(deployed: DeployedFleet, fleet: Fleet, gone: Collection[str] = ()) -> Iterator[Fault]:
    """Yield a fault for each change from what is deployed to `fleet` that cannot be made in place.

    Unknown fields of `deployed` cause no fault. `gone` are clusters that are lost for good, and with them what they did
    for others.
    """
    deployed = deployed.without(gone)
    for transition in TRANSITIONS:
        yield from transition(deployed, fleet)


def recreations(deployed: DeployedFleet, fleet: Fleet) -> Iterator[str]:
    """Yield a sentence for each change that recreates a cluster with everything in it."""
    yield from address_ranges(deployed, fleet)


__all__ = ["DeployedCluster", "DeployedFleet", "recreations", "transitions"]
