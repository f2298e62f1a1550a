"""A router between networks: a namespace with a leg in each of its networks and one outside of all of them.

Every node is one, with its pods behind it. A network that no node is on has one of its own, which stands for the NAT of
a data centre: its machines reach what is outside through it, and nothing outside reaches them but the gateways that are
on the network themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from meshfleet.dataplane.network import links, namespaces, rules
from meshfleet.dataplane.network.place import OUTSIDE, Place, link_name
from meshfleet.dataplane.network.rules import NETWORK_LINK, OUTSIDE_LINK
from meshfleet.embedded.addresses import OUTSIDE_RANGE

ROUTER: Final = "169.254.1.1"
"""The next hop of every pod and every machine: whatever their address is, they find it on their only link."""


def set_up_router(place: Place, name: str, ports: tuple[str, str], legs: Mapping[str, str], address: str) -> None:
    """Make the namespace `name` and its legs, or what of it is missing, with the bridges that they are on.

    `legs` are the interfaces by their networks, `ports` how those of the bridges are told apart from others'; the
    address is the same on every leg. The caller holds the networks of the fleet. Raises NetworkError.
    """
    namespaces.create(place.fabric)
    bridges = {link: link_name("network", network) for network, link in legs.items()}
    bridges[OUTSIDE_LINK] = link_name(OUTSIDE)
    namespaces.inside(place.fabric, lambda: links.add_bridges(*bridges.values()))
    namespaces.create(name)
    for link, bridge in bridges.items():
        links.connect(name, place.fabric, link, link_name(*ports, link), bridge, address)

    def configure() -> None:
        namespaces.set_kernel("net/ipv4/ip_forward", "1")
        namespaces.set_kernel("net/ipv4/conf/all/send_redirects", "0")
        # A packet from another node's pods comes in on one leg while the way back may be another.
        namespaces.set_kernel("net/ipv4/conf/all/rp_filter", "0")
        # All routers have this one: in a question to another one it would be taken for that one's own.
        links.set_addresses("lo", {ROUTER}, of_host_alone=True)
        for link in legs.values():
            links.set_addresses(link, {address})
        links.add_route(OUTSIDE_RANGE, OUTSIDE_LINK)

    namespaces.inside(name, configure)


def set_up_network_router(place: Place, network: str, address: str) -> None:
    """Make the router of a network without a node, or what of it is missing. As `set_up_router`."""
    name = place.router(network)
    set_up_router(place, name, ("router", network), {network: NETWORK_LINK}, address)
    rules.apply(name, rules.network_rules(address))


def lead_to_machines(place: Place, network: str, machines: Iterable[str], gateways: Iterable[str]) -> None:
    """Lead from a network's own router to its machines, and to gateways outside, by address. Raises NetworkError."""
    name = place.router(network)
    for link, addresses in ((NETWORK_LINK, machines), (OUTSIDE_LINK, gateways)):
        # Each is on the link itself, wherever its address is from.
        namespaces.inside(name, partial(links.set_routes, link, {f"{one}/32": one for one in addresses}))


def routed_networks(place: Place) -> tuple[str, ...]:
    """The networks that have a router of their own here."""
    prefix = place.router("")
    return tuple(name.removeprefix(prefix) for name in namespaces.names(prefix))


def remove_network_router(place: Place, network: str) -> None:
    """Remove it; fine when there is none. The caller holds the networks of the fleet. Raises NetworkError."""
    name = place.router(network)
    if not namespaces.exists(name):
        return
    namespaces.remove(name)
    if namespaces.exists(place.fabric):
        # The kernel takes its time to remove what was in a namespace; this one may be wanted again at once.
        for link in (NETWORK_LINK, OUTSIDE_LINK):
            namespaces.inside(place.fabric, partial(links.remove_link, link_name("router", network, link)))
