"""The network of one virtual machine: a link of its own to its network, on which the nodes there are its routers.

What a machine says of itself lies in a file, as with nodes: whichever node of its network is there leads to it. From
there it reaches pods of its network, and of other networks no more than what is outside: the addresses of gateways.
On a network without a node machines share a router of their own; one that is a gateway has a leg outside as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from meshfleet.dataplane.network import links, namespaces
from meshfleet.dataplane.network.place import OUTSIDE, Place, alone, link_name
from meshfleet.dataplane.network.record import dump, load
from meshfleet.dataplane.network.router import (
    lead_to_machines,
    remove_network_router,
    routed_networks,
    set_up_network_router,
)
from meshfleet.dataplane.network.rules import OUTSIDE_LINK
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_record, write_file

_LINK: Final = "eth0"


@dataclass(frozen=True)
class MachineNetwork:
    """`name` is unlike any other machine's of the fleet, `address` unlike any other on its network.

    `outside` is the address by which other networks reach a machine that is a gateway; empty for any other.
    """

    name: str
    network: str
    address: str
    outside: str = ""


def connect(place: Place, machine: MachineNetwork, router: str, *, alone_there: bool = False) -> None:
    """Make the machine's namespace and its links, or what of it is missing. `router` is the address of a node.

    On a network without one, where machines are `alone_there`, it is that of their own router, which is made as well.
    Raises NetworkError, LockedError, EmbeddedError.
    """
    name = place.machine(machine.name)
    with alone(place):
        # First: by it what a killed start has left is found.
        folder = place.directory / "machine-networks"
        make_directory(folder)
        write_file(folder / f"{machine.name}.json", dump(asdict(machine)))
        if alone_there:
            set_up_network_router(place, machine.network, router)
        _lead_from_routers(place)
        namespaces.create(name)
        bridge = link_name("network", machine.network)
        links.connect(name, place.fabric, _LINK, link_name("machine", machine.name), bridge, machine.address)
        if machine.outside:
            peer = link_name("machine", machine.name, OUTSIDE)
            links.connect(name, place.fabric, OUTSIDE_LINK, peer, link_name(OUTSIDE), machine.outside)

    def configure() -> None:
        # Its workload may listen on any port, under any user.
        namespaces.set_kernel("net/ipv4/ip_unprivileged_port_start", "0")
        links.set_addresses(_LINK, {machine.address})
        links.add_route("default", _LINK, router)
        if machine.outside:
            links.set_addresses(OUTSIDE_LINK, {machine.outside})
            links.add_route(OUTSIDE_RANGE, OUTSIDE_LINK)

    namespaces.inside(name, configure)


def disconnect(place: Place, name: str) -> None:
    """End all that runs on a machine and remove its namespace, its link with it. Fine when there is none.

    Raises NetworkError, ProcessError, LockedError.
    """
    with alone(place):
        (place.directory / "machine-networks" / f"{name}.json").unlink(missing_ok=True)
        namespaces.remove(place.machine(name))
        if namespaces.exists(place.fabric):
            # The kernel takes its time to remove what was in a namespace; this one may be wanted again at once.
            for peer in (link_name("machine", name), link_name("machine", name, OUTSIDE)):
                namespaces.inside(place.fabric, partial(links.remove_link, peer))
        for network in set(routed_networks(place)) - {one.network for one in machines(place)}:
            remove_network_router(place, network)
        _lead_from_routers(place)


def gateways_outside(known: Iterable[MachineNetwork]) -> set[str]:
    """The addresses outside of those machines that are gateways into their network. Pure."""
    return {one.outside for one in known if one.outside}


def _lead_from_routers(place: Place) -> None:
    """Let each network's own router lead to what there is now, since nothing watches there as the agent of a node."""
    known = machines(place)
    for network in routed_networks(place):
        lead_to_machines(
            place, network, {one.address for one in known if one.network == network}, gateways_outside(known)
        )


def machines(place: Place) -> list[MachineNetwork]:
    """What every machine of the fleet says of itself."""
    found = []
    for path in sorted((place.directory / "machine-networks").glob("*.json")):
        try:
            one = read_record(path, lambda text: load(text, MachineNetwork), "run meshfleet up, which writes it again")
        except FileError:
            # It is being removed, or was left by a killed run and is written again by the next start.
            continue
        found += [one] if one else []
    return found
