"""A machine beside clusters in containers: a network namespace of its own with one link, into the engine's network."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network

from pyroute2 import IPRoute

from meshfleet.containers.engine import Engine
from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.machine_network import MachineNetwork
from meshfleet.dataplane.network.place import Place, alone

_LINK = "eth0"
# Found by the snapshot of the machine as that of a fleet, should it be left.
_PEER = "mfk-machine"


class DockerLink:
    """Takes the place of the networks of embedded clusters: `connect` and `disconnect` as machines call them.

    `through` is the address of the node that leads to the pods of its cluster.
    """

    def __init__(self, engine: Engine, through: str) -> None:
        (found,) = json.loads(engine.run("network", "inspect", "kind", seconds=60).out)
        (range_,) = (one["Subnet"] for one in found["IPAM"]["Config"] if ":" not in one["Subnet"])
        self.network = IPv4Network(range_)
        # Named by the network itself where this project's engine has made it.
        self._bridge = found["Options"].get("com.docker.network.bridge.name", f"br-{found['Id'][:12]}")
        self._through = through

    @property
    def address(self) -> str:
        """One that Docker, which hands out the lowest, and the gateways of the fleet do not take."""
        return str(IPv4Address(int(self.network.broadcast_address) - 1))

    def connect(self, place: Place, machine: MachineNetwork, router: str, *, alone_there: bool = False) -> None:
        """Make the namespace and its link."""
        del router, alone_there
        name = place.machine(machine.name)
        with alone(place):
            namespaces.create(name)
        with IPRoute() as host:
            other = {"ifname": _LINK, "net_ns_fd": str(namespaces.path_of(name))}
            host.link("add", ifname=_PEER, kind="veth", peer=other)
            (index,) = host.link_lookup(ifname=_PEER)
            (bridge,) = host.link_lookup(ifname=self._bridge)
            host.link("set", index=index, master=bridge, state="up")

        def configure() -> None:
            namespaces.set_kernel("net/ipv4/ip_unprivileged_port_start", "0")
            with IPRoute() as here:
                (index,) = here.link_lookup(ifname=_LINK)
                here.addr("add", index=index, address=machine.address, prefixlen=self.network.prefixlen)
                here.link("set", index=index, state="up")
                here.route("add", dst="default", gateway=self._through)

        namespaces.inside(name, configure)

    def disconnect(self, place: Place, name: str) -> None:
        """Remove the namespace, and with it the link."""
        namespaces.remove(place.machine(name))
