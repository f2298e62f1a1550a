"""How packets find pods of nodes that are containers: the CNI configuration, routes, rules and addresses. Pure.

Pods of one network of the stack file call each other by address, across nodes and clusters: a route in each node leads
to the pods of each other one, and what leaves the network has the address of its node.
Sources: https://www.cni.dev/plugins/current/main/bridge/ and
https://kubernetes.io/docs/concepts/cluster-administration/networking/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from meshfleet.errors import NetworkError

CNI_FILE: Final = "/etc/cni/net.d/10-meshfleet.conflist"
CHAIN: Final = "MESHFLEET"
_MULTICAST: Final = "224.0.0.0/4"
# So many addresses of a network are left to containers; Docker hands out the lowest that is free.
_OF_CONTAINERS: Final = 64


@dataclass(frozen=True)
class NodePlace:
    """A node: its container, the address of that, and the range of its pods."""

    container: str
    address: str
    pods: str


def conflist(pods: str) -> str:
    """The CNI configuration of a node whose pods are to be of a range."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        # The chain below keeps the address of a pod within its network.
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return json.dumps({"cniVersion": "1.0.0", "name": "meshfleet", "plugins": [bridge, ports]}, indent=1)


def routes(node: NodePlace, network: Iterable[NodePlace]) -> str:
    """What `ip -batch` is to do in a node, so that it reaches the pods of every other one of its network."""
    others = [other for other in network if other.container != node.container]
    return "".join(f"route replace {other.pods} via {other.address}\n" for other in others)


def rules(network: Sequence[NodePlace]) -> str:
    """What `iptables-restore --noflush` is to do in a node: outside of its network a pod has the node's address."""
    within = sorted({*(one.pods for one in network), _MULTICAST})
    lines = ["*nat", f":{CHAIN} - [0:0]", *(f"-A {CHAIN} -d {block} -j RETURN" for block in within)]
    return "\n".join([*lines, f"-A {CHAIN} -j MASQUERADE", "COMMIT", ""])


def refusals(services: str) -> str:
    """What `iptables-restore --noflush` is to do in a node, so that an address of a Service is known or refused.

    A packet that still has one (range `services`) after kube-proxy's rules is early: they do not have it yet. Without
    a refusal its connection stays on the way to nowhere that its first packet went, until the program gives up: CoreDNS
    after 30 s. In mode nftables kube-proxy refuses such packets itself.
    Source: https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-nftables
    """
    return "\n".join(["*filter", f":{CHAIN} - [0:0]", f"-A {CHAIN} -d {services} -j REJECT", "COMMIT", ""])


def gateway_addresses(network: IPv4Network, own: IPv4Address, count: int) -> list[str]:
    """The addresses of a node for gateways: its own first, then others that no other container has.

    Docker hands out the lowest free address, so a container has one of the first in its network. An address that is as
    far into another part of the network follows from it alone, and no other container has that. Raises NetworkError
    where the network has no room.
    """
    offset = int(own) - int(network.network_address)
    found = [str(own)]
    part = 256 if network.prefixlen <= 20 else _OF_CONTAINERS
    for position in range(1, count):
        address = IPv4Address(int(network.network_address) + position * part + offset)
        if offset >= part or address not in network or address == network.broadcast_address:
            raise NetworkError(
                f"the Docker network {network} has no room for {count} addresses of gateways at {own}; declare fewer "
                "ingress gateways, or let a load balancer give them addresses (gatewayAddresses: cluster)"
            )
        found.append(str(address))
    return found
