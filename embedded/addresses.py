"""Loopback addresses that stand for what a load balancer would give: one for each east-west gateway.

All of 127.0.0.0/8 is loopback on Linux without any configuration (RFC 1122, section 3.2.1.3).
"""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from typing import Final

from embedded.reservations import reservations
from topology.errors import PortError

# Away from 127.0.0.0/16, where people and distributions (127.0.1.1, 127.0.0.53) put things of their own.
_NETWORK: Final = ipaddress.ip_network("127.64.0.0/16")


def reserve_address(home: Path, owner: str) -> str:
    """The loopback IPv4 address of `owner`, unlike any other owner's, the same until it is released.

    Raises PortError when all of them are taken.
    """
    with reservations(home) as held:
        if owner in held.addresses:
            return held.addresses[owner]
        taken = set(held.addresses.values())
        size = _NETWORK.num_addresses - 2
        start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4]) % size
        for step in range(size):
            address = str(_NETWORK[1 + (start + step) % size])
            if address not in taken:
                held.addresses[owner] = address
                return address
    raise PortError(f"{owner}: every address of {_NETWORK} is reserved; destroy a fleet that is not needed")


def release_address(home: Path, owner: str) -> None:
    """Give the address of `owner` back; fine when there is none."""
    with reservations(home) as held:
        held.addresses.pop(owner, None)
