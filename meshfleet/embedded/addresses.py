"""Addresses that stand for what a load balancer would give, one for each gateway, and those of machines.

Where none is asked for they are of 198.18.0.0/15, which is set aside for tests and routed nowhere (RFC 2544,
appendix C.2.2). A loopback address would not do: Kubernetes takes none as an endpoint, and a remote cluster has its
primary's gateway as one.
"""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from typing import Final

import meshfleet.topology.address_blocks
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import PortError
from meshfleet.topology.address_blocks import GATEWAY_RANGE

OUTSIDE_RANGE: Final = str(GATEWAY_RANGE)
MACHINE_RANGE: Final = str(meshfleet.topology.address_blocks.MACHINE_RANGE)
"""That of virtual machines, each of which is on one network and not outside."""


def reserve_address(home: Path, owner: str, wanted: str | None = None, range_: str = OUTSIDE_RANGE) -> str:
    """The address of `owner`, unlike any other owner's: `wanted` if given, else the same until it is released.

    It is one of `range_` unless it is given.

    Raises PortError when another owner has it, or when all of them are taken.
    """
    with reservations(home) as held:
        if wanted:
            other = next((name for name, address in held.addresses.items() if address == wanted), owner)
            if other != owner:
                raise PortError(
                    f"{owner}: the address {wanted} is that of {other}; set another one, or destroy that fleet"
                )
            held.addresses[owner] = wanted
            return wanted
        if owner in held.addresses:
            return held.addresses[owner]
        taken = set(held.addresses.values())
        network = ipaddress.ip_network(range_)
        size = network.num_addresses - 2
        start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4]) % size
        for step in range(size):
            address = str(network[1 + (start + step) % size])
            if address not in taken:
                held.addresses[owner] = address
                return address
    raise PortError(f"{owner}: every address of {network} is reserved; destroy an unused fleet")


def release_address(home: Path, owner: str) -> None:
    """Give the address of `owner` back; fine when there is none."""
    with reservations(home) as held:
        held.addresses.pop(owner, None)


def release_addresses(home: Path, prefix: str) -> None:
    """Give back the addresses of all owners whose name begins with `prefix`."""
    with reservations(home) as held:
        held.addresses = {owner: address for owner, address in held.addresses.items() if not owner.startswith(prefix)}
