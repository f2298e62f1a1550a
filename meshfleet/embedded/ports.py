"""TCP ports on 127.0.0.1 for one owner, kept for as long as the owner lives.

They lie below the range from which Linux (32768, ip_local_port_range) and macOS (49152) pick ports for
outgoing connections, so that a server which is down for a moment does not lose its port to a client.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from meshfleet.embedded.other_homes import ports_of_other_homes
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import PortError
from meshfleet.processes.listeners import listener_on

FIRST: Final = 21000
LAST: Final = 29999


def reserve_ports(home: Path, owner: str, names: Iterable[str]) -> dict[str, int]:
    """The port of each name, the same at every call until they are released.

    New ones are free at this moment and belong to no other owner, in this home or another one of this user. Raises
    PortError when there are none left.
    """
    # In this order: another home must not look before these are written, which is when the inner block ends.
    with ports_of_other_homes(home) as elsewhere, reservations(home) as held:
        ports = dict(held.ports.get(owner, {}))
        taken = held.port_numbers() | elsewhere
        candidates = _candidates(home, owner)
        for name in names:
            if name in ports:
                continue
            port = next((port for port in candidates if port not in taken and port_is_free(port)), None)
            if port is None:
                raise PortError(
                    f"{owner}: no free port for {name} on 127.0.0.1 between {FIRST} and {LAST}; "
                    "destroy an unused fleet, or terminate the process that listens there"
                )
            ports[name] = port
            taken.add(port)
        held.ports[owner] = ports
        return dict(ports)


def reserved_ports(home: Path, owner: str) -> dict[str, int]:
    """What `owner` has reserved; empty when nothing."""
    with reservations(home) as held:
        return dict(held.ports.get(owner, {}))


def keep_ports(home: Path, owner: str, names: Collection[str]) -> dict[str, int]:
    """Give back what `owner` has reserved under other names; the rest."""
    with reservations(home) as held:
        kept = {name: port for name, port in held.ports.get(owner, {}).items() if name in names}
        held.ports[owner] = kept
        return dict(kept)


def restore_ports(home: Path, owner: str, ports: Mapping[str, int]) -> None:
    """Reserve exactly these ports for `owner`, which has them already. Raises PortError when another owner has one."""
    with reservations(home) as held:
        for other, taken in held.ports.items():
            if other != owner and (shared := set(taken.values()) & set(ports.values())):
                raise PortError(
                    f"{owner}: its port {min(shared)} is reserved for {other} by now; "
                    "destroy one of the two and run the same command again"
                )
        held.ports[owner] = dict(ports)


def release_ports(home: Path, owner: str) -> None:
    """Give the ports of `owner` back; fine when there are none."""
    with reservations(home) as held:
        held.ports.pop(owner, None)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Go's listeners do: a port whose last connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free_ports(owner: str, ports: Mapping[str, int]) -> None:
    """Raises PortError naming the first port that another process listens on, and that process."""
    for name, port in sorted(ports.items()):
        if not port_is_free(port):
            raise PortError(
                f"{owner}: port 127.0.0.1:{port} ({name}) is taken by {listener(port)}; "
                "terminate that process and run the same command again"
            )


def listener(port: int) -> str:
    """Who listens on a TCP port of this machine, in words fit for a message."""
    found = listener_on(port)
    return f"process {found[0]} ({found[1]})" if found else "a process of another user"


def _candidates(home: Path, owner: str) -> Iterator[int]:
    """All ports, beginning at one that depends on the owner: two checkouts seldom ask for the same one."""
    size = LAST - FIRST + 1
    start = int.from_bytes(hashlib.sha256(f"{home}\0{owner}".encode()).digest()[:4]) % size
    return (FIRST + (start + step) % size for step in range(size))
