"""What a running fleet cannot become in place: each change with the reason, and the way to do it.

Pure: judged from what is deployed and the new topology, before anything is touched. Everything that is not refused here
follows in place: clusters come and go, a remote cluster gets a control plane of its own, a primary that serves nobody
becomes remote, and all that only a restarted proxy takes up. What follows in stages, as another root does or another
network of a cluster, is meshfleet/rollout/stages.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from meshfleet.errors.faults import Fault
from meshfleet.rollout.transitions.clusters import meshes_of_clusters, providers
from meshfleet.rollout.transitions.control_planes import namespaces, primaries_that_go, primaries_that_turn_remote
from meshfleet.rollout.transitions.deployed import DeployedCluster, DeployedFleet
from meshfleet.rollout.transitions.made_anew import address_ranges
from meshfleet.rollout.transitions.networks import network_moves
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
)


def transitions(deployed: DeployedFleet, fleet: Fleet, gone: Collection[str] = ()) -> Iterator[Fault]:
    """Yield a fault for each change from what is deployed to `fleet` that cannot be made in place.

    Nothing is said of what is not known of `deployed`. `gone` are clusters that will never answer again: what they did
    for others has ended already.
    """
    deployed = deployed.without(gone)
    for transition in TRANSITIONS:
        yield from transition(deployed, fleet)


def made_anew(deployed: DeployedFleet, fleet: Fleet) -> Iterator[str]:
    """Yield a sentence for each change that can be made, by making a cluster anew with all that is in it."""
    yield from address_ranges(deployed, fleet)


__all__ = ["DeployedCluster", "DeployedFleet", "made_anew", "transitions"]
