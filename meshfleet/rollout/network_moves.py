"""Network moves: clusters go from one network to another while every pod stays reachable.

A pod keeps the network that it was injected with until it is replaced, and istiod sends requests for it directly or
through a gateway by that network. So before the first pod is on the new network, every network of the mesh, old and
new, has a gateway that every istiod knows; pods then move by a rollout, and only when the last old one is gone do
gateways become as declared.

A cluster has one gateway, which leads into one network. The old network of a cluster is still reached through the
gateways of the clusters that stay on it, and so is the new one through those of the clusters that are there already:
`gateways_during` finds who leads where, and None where a network would have no gateway.

Source: EndpointsByNetworkFilter of pilot/pkg/xds/endpoints/ep_filters.go and applyMetadata of
pkg/kube/inject/webhook.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshfleet.rollout.deployed import Deployed
from meshfleet.rollout.plan import Change, RolloutPlan, Step, unchanged
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.network import Network

BEFORE_PODS = ("network-gateways", "gateways-ready")
"""What must pass before pods move: every gateway is known to every istiod, and accepts connections."""
BEFORE_GATEWAYS = ("pods-as-declared",)
"""What must pass before gateways become as declared: no pod of the old network is left."""

Networks = Mapping[str, str]
"""The network of each cluster, by its name."""


def move_networks(deployed: Deployed, target: Fleet) -> RolloutPlan:
    """The rollout plan of all clusters that are deployed on another network than in `target`."""
    current = {
        name: network
        for name, network in deployed.networks.items()
        if name in target.clusters and network.reached and network.begun
    }
    reached = {name: network.reached for name, network in current.items()}
    begun = {name: network.begun for name, network in current.items()}
    wanted = {name: target.clusters[name].network for name in current}
    if begun != reached:
        # A move that was interrupted is completed first: pods may be on either network.
        ending = _move(target, reached, begun, started=True)
        return RolloutPlan((*ending, *_move(target, begun, wanted)), ending[0].apply)
    if begun != wanted:
        return RolloutPlan(tuple(_move(target, begun, wanted)), with_networks(begun, {}))
    gateways = {name: network.gateway for name, network in current.items() if network.gateway}
    if any(network != wanted[name] for name, network in gateways.items()):
        # Pods were moved, and the run ended before the gateways were as declared.
        names = sorted(name for name, network in gateways.items() if network != wanted[name])
        return RolloutPlan((_gateways_as_declared(names, wanted),), with_networks(wanted, gateways))
    return RolloutPlan((), unchanged)


def with_networks(networks: Networks, gateways: Networks) -> Change:
    """The change that puts clusters on these networks, with gateways that lead into those; other clusters stay."""

    def apply(fleet: Fleet) -> Fleet:
        clusters = {
            name: cluster.model_copy(update={"network": networks.get(name, cluster.network)})
            for name, cluster in fleet.clusters.items()
        }
        # A network that clusters leave may no longer be in the stack file.
        left = {*networks.values(), *gateways.values()} - set(fleet.networks)
        known = fleet.networks | {name: Network() for name in sorted(left)}
        return fleet.model_copy(
            update={"clusters": clusters, "networks": known, "gateway_networks": dict(sorted(gateways.items()))}
        )

    return apply


def unreachable_during(before: Networks, target: Fleet) -> dict[str, str]:
    """The clusters whose move would leave a network without a gateway, each with that network. Pure."""
    found = {}
    for mesh in target.meshes:
        members = target.members_of(mesh)
        after = {name: target.clusters[name].network for name in members}
        moving = _moving(before, after)
        callers = len(members) > 1 or bool(set(target.machine_networks_of(mesh)) - set(after.values()))
        if callers and moving and gateways_during(before, after) is None:
            covered = {network for name, network in after.items() if name not in moving}
            for name in moving:
                lost = next((one for one in (after[name], before[name]) if one not in covered), after[name])
                found[name] = lost
    return found


def gateways_during(before: Networks, after: Networks) -> dict[str, str] | None:
    """The network that each cluster of a mesh opens while those that differ move; None where one has no gateway.

    A cluster that is in `after` alone is new, and on its network from the start. Pure.
    """
    moving = _moving(before, after)
    found = {name: network for name, network in after.items() if name not in moving}
    needed = sorted({before[name] for name in moving} | {after[name] for name in moving})
    holders: dict[str, str] = {}
    for network in needed:
        if network not in found.values() and not _assign(network, moving, before, after, holders, set()):
            return None
    chosen = {name: network for network, name in holders.items()}
    return found | {name: chosen.get(name, after[name]) for name in moving}


def _assign(
    network: str,
    moving: Iterable[str],
    before: Networks,
    after: Networks,
    holders: dict[str, str],
    tried: set[str],
) -> bool:
    """Give `network` to a cluster that moves from or to it, with others moved over for it (Kuhn's algorithm)."""
    for name in moving:
        if name in tried or network not in (before[name], after[name]):
            continue
        tried.add(name)
        held = next((other for other, holder in holders.items() if holder == name), None)
        if held is None or _assign(held, moving, before, after, holders, tried):
            holders[network] = name
            return True
    return False


def _moving(before: Networks, after: Networks) -> tuple[str, ...]:
    return tuple(name for name in after if name in before and before[name] != after[name])


def _move(target: Fleet, before: Networks, after: Networks, *, started: bool = False) -> list[Step]:
    moving = _moving(before, after)
    if not moving:
        return []
    gateways: dict[str, str] = {}
    declared: dict[str, str] = {}
    for mesh in target.meshes:
        members = target.members_of(mesh)
        mine = {name: after.get(name, target.clusters[name].network) for name in members}
        if not set(moving) & set(members):
            continue
        during = gateways_during(before, mine)
        if during is None:
            # A cluster alone in its mesh has no callers elsewhere, and its own pods reach each other directly.
            during = {}
        gateways |= during
        several = len({*mine.values(), *target.machine_networks_of(mesh)}) > 1
        declared |= {
            name: network
            for name, network in mine.items()
            if during and (several or target.clusters[name].east_west_gateway)
        }
    names = " and ".join(sorted(moving))
    where = " and ".join(sorted({after[name] for name in moving}))
    steps = []
    if gateways and not started:
        steps.append(
            Step(f"gateways into every network before {names} moves to {where}", with_networks(before, gateways))
        )
    if gateways:
        preconditions = () if started else BEFORE_PODS
        steps.append(Step(f"pods of {names} on {where}", with_networks(after, gateways), preconditions))
    else:
        steps.append(Step(f"pods of {names} on {where}", with_networks(after, {})))
    if gateways != declared:
        steps.append(_gateways_as_declared(moving, after))
    else:
        # The gateways of the last step are the declared ones.
        steps[-1] = Step(steps[-1].name, with_networks(after, {}), steps[-1].preconditions)
    return steps


def _gateways_as_declared(moved: Iterable[str], networks: Networks) -> Step:
    names = " and ".join(sorted(moved))
    return Step(f"gateways as declared after {names} moved", with_networks(networks, {}), BEFORE_GATEWAYS)
