"""The network of one virtual machine: a link of its own to its network, on which the nodes there are its routers.

What a machine says of itself lies in a file, as with nodes: whichever node of its network is there leads to it. From
there it reaches pods of its network, and of other networks no more than what is outside: the addresses of gateways.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from meshfleet.dataplane.network import links, namespaces
from meshfleet.dataplane.network.place import Place, alone, link_name
from meshfleet.dataplane.network.record import dump, load
from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_record, write_file

_LINK: Final = "eth0"


@dataclass(frozen=True)
class MachineNetwork:
    """`name` is unlike any other machine's of the fleet, `address` unlike any other on its network."""

    name: str
    network: str
    address: str


def connect(place: Place, machine: MachineNetwork, router: str) -> None:
    """Make the machine's namespace and its link, or what of it is missing. `router` is the address of a node.

    Raises NetworkError, LockedError, EmbeddedError.
    """
    name = place.machine(machine.name)
    with alone(place):
        # First: by it what a killed start has left is found.
        folder = place.directory / "machine-networks"
        make_directory(folder)
        write_file(folder / f"{machine.name}.json", dump(asdict(machine)))
        namespaces.create(name)
        bridge = link_name("network", machine.network)
        links.connect(name, place.fabric, _LINK, link_name("machine", machine.name), bridge, machine.address)

    def configure() -> None:
        # Its workload may listen on any port, under any user.
        namespaces.set_kernel("net/ipv4/ip_unprivileged_port_start", "0")
        links.set_addresses(_LINK, {machine.address})
        links.add_route("default", _LINK, router)

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
            namespaces.inside(place.fabric, lambda: links.remove_link(link_name("machine", name)))


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
