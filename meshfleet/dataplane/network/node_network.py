"""The network of one node: a router with its pods behind it, a leg in its network and one outside of all networks.

What a node says of itself lies in a file that the others read, so that nodes of one network find each other's pods
whichever of them was there first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from meshfleet.dataplane.network import links, namespaces
from meshfleet.dataplane.network.machine_network import MachineNetwork, gateways_outside, machines
from meshfleet.dataplane.network.place import Place, alone, link_name
from meshfleet.dataplane.network.record import dump, load
from meshfleet.dataplane.network.router import ROUTER, set_up_router
from meshfleet.dataplane.network.rules import NETWORK_LINK, OUTSIDE_LINK
from meshfleet.errors import FileError
from meshfleet.errors.containment import each, require_none
from meshfleet.files import make_directory, read_record, remove_file, write_file
from meshfleet.topology.address_blocks import POD_RANGE


@dataclass(frozen=True)
class NodeNetwork:
    """`address` is the node's own, unlike any other's; `pods` the range of its pods, unlike others' on its network.

    `link` is the node's interface in its network. `former` are networks that it was on before, each with the interface
    in it: it stays there for as long as a pod or a machine of that network is left.
    """

    cluster: str
    network: str
    address: str
    pods: str
    link: str = NETWORK_LINK
    former: Mapping[str, str] = field(default_factory=dict)

    @property
    def legs(self) -> dict[str, str]:
        """Every network that it is on, its present one first, with the interface in it."""
        return {self.network: self.link, **self.former}


def moved(before: NodeNetwork | None, network: str, address: str, pods: str, cluster: str) -> NodeNetwork:
    """The node as it is to be, after it was `before`: on another network it stays on the one before as well. Pure."""
    if before is None:
        return NodeNetwork(cluster, network, address, pods)
    legs = before.legs
    taken = set(legs.values())
    fresh = NETWORK_LINK if NETWORK_LINK not in taken else link_name("leg", network)
    link = legs.pop(network, fresh)
    return NodeNetwork(cluster, network, address, pods, link, legs)


def without(node: NodeNetwork, networks: Collection[str]) -> NodeNetwork:
    """The node without those of `networks` that it was on before. Pure."""
    return replace(node, former={name: link for name, link in node.former.items() if name not in networks})


def default_pods(address: str) -> str:
    """A range for the pods of the node with this address, where the stack file names none: of RFC 6598."""
    number = int(ipaddress.ip_address(address)) & 0xFFFF
    # 64 addresses for each of the 65,536 that a node may have.
    return f"{POD_RANGE[number * 64]}/26"


def set_up(place: Place, node: NodeNetwork) -> None:
    """Make the node's namespace and its legs, or what of it is missing. Raises NetworkError, LockedError."""
    with alone(place):
        _set_up(place, node)


def _set_up(place: Place, node: NodeNetwork) -> None:
    make_directory(place.directory / "nodes")
    set_up_router(place, place.node(node.cluster), ("node", node.cluster), node.legs, node.address)
    _describe(place, node)


def _describe(place: Place, node: NodeNetwork) -> None:
    write_file(place.directory / "nodes" / f"{node.cluster}.json", dump(asdict(node)))


def leave(place: Place, node: NodeNetwork, networks: Collection[str]) -> NodeNetwork:
    """Take a node off networks that it was on before; what it is then. Raises NetworkError, LockedError."""
    left = without(node, networks)
    with alone(place):
        # Others stop sending before the link goes.
        _describe(place, left)
        for network in networks:
            link = node.former[network]
            namespaces.inside(place.node(node.cluster), partial(links.remove_link, link))
    return left


def set_routes_to_peers(place: Place, node: NodeNetwork) -> None:
    """Lead to the pods of the other nodes of the same networks and to their machines, and to no more.

    And to the gateways outside that machines are. Raises NetworkError.
    """
    known = machines(place)
    wanted = routes_to_peers(node, nodes(place), known)
    wanted[OUTSIDE_LINK] = {f"{address}/32": address for address in gateways_outside(known)}
    for link, routes in wanted.items():
        namespaces.inside(place.node(node.cluster), partial(links.set_routes, link, routes))


def routes_to_peers(
    node: NodeNetwork, others: Iterable[NodeNetwork], known: Iterable[MachineNetwork]
) -> dict[str, dict[str, str]]:
    """For each interface of a node in a network the ranges that it leads to, each with its next hop. Pure.

    What is found on the present network and on a former one is led to by the present one.
    """
    found: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    others, known = list(others), list(known)
    for network, link in node.legs.items():
        wanted = {peer.pods: peer.address for peer in others if network in peer.legs and peer.cluster != node.cluster}
        # A machine is on the link itself, wherever its address is from.
        wanted |= {f"{one.address}/32": one.address for one in known if one.network == network}
        found[link] = {range_: hop for range_, hop in wanted.items() if range_ not in taken}
        taken |= set(wanted)
    return found


def nodes(place: Place) -> list[NodeNetwork]:
    """What every node of the fleet says of itself."""
    found = []
    for path in sorted((place.directory / "nodes").glob("*.json")):
        try:
            one = read_record(path, lambda text: load(text, NodeNetwork), "run meshfleet up, which writes it again")
        except FileError:
            # It is being removed, or was left by a killed run and is written again by its node.
            continue
        found += [one] if one else []
    return found


def set_load_balancer_addresses(place: Place, node: NodeNetwork, addresses: set[str]) -> None:
    """Take the packets for these addresses from outside. Raises NetworkError."""
    namespaces.inside(place.node(node.cluster), lambda: links.set_addresses(OUTSIDE_LINK, addresses))


def set_cut_off(place: Place, cluster: str, *, cut_off: bool) -> None:
    """Lose in silence all that a node and other networks send each other, or let it through. Raises NetworkError."""
    cable = link_name("node", cluster, OUTSIDE_LINK)
    namespaces.inside(place.fabric, lambda: links.set_carries(cable, carries=not cut_off))


def connect_pod(place: Place, node: NodeNetwork, namespace: str, address: str) -> None:
    """Put a namespace behind the node under an address of its own. Raises NetworkError."""
    namespaces.create(namespace)
    router = place.node(node.cluster)
    link = link_name("pod", namespace)
    links.connect(router, namespace, link, "eth0")
    namespaces.inside(router, lambda: links.add_route(f"{address}/32", link))
    namespaces.inside(namespace, lambda: _configure_pod(address))


def disconnect_pod(place: Place, node: NodeNetwork, namespace: str) -> None:
    """End all that runs in a pod's namespace and remove it with its link. Raises NetworkError, ProcessError."""
    namespaces.remove(namespace)
    if namespaces.exists(place.node(node.cluster)):
        namespaces.inside(place.node(node.cluster), lambda: links.remove_link(link_name("pod", namespace)))


def _configure_pod(address: str) -> None:
    # Gateways may listen on any port, as in a container (securityContext.sysctls of Istio's chart).
    namespaces.set_kernel("net/ipv4/ip_unprivileged_port_start", "0")
    links.set_addresses("eth0", {address})
    links.add_route(f"{ROUTER}/32", "eth0")
    links.add_route("default", "eth0", ROUTER)


def remove_node(place: Place, cluster: str) -> None:
    """Remove the node with its pods; with the last one the bridges go too.

    Raises NetworkError, ProcessError, LockedError.
    """

    def own() -> tuple[str, ...]:
        return (*namespaces.names(place.pods(cluster)), place.node(cluster))

    # Programs take up to two seconds, for which other nodes of the fleet need not wait. What does not end is met again.
    each([own()], lambda names: namespaces.end_programs(*names))
    with alone(place):
        remove_file(place.directory / "nodes" / f"{cluster}.json")
        # A pod that cannot be ended keeps neither the others nor the node.
        unwanted = [own()]
        if not nodes(place):
            unwanted.append((place.fabric,))
        require_none(each(unwanted, lambda names: namespaces.remove(*names)))
