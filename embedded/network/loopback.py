"""Which user of this machine may connect to the ports of a home's fleets: the one they belong to.

istiod and KWOK have ports on loopback that ask for no credentials, and can listen neither on a Unix socket nor with
client certificates. So the kernel refuses connections of other users to them, in one nftables table for each home. API
servers are left out, since these authenticate. It takes the right to write such rules (CAP_NET_ADMIN): without it the
ports stay open to the other users of the machine (docs/security.md).
Source: https://www.netfilter.org/projects/nftables/manpage.html (META EXPRESSIONS, skuid)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from embedded.bounded_run import run_bounded
from embedded.network.privileges import missing_for_rules
from embedded.reservations import reservations
from topology.errors import NetworkError, ProcessError

_AUTHENTICATES: Final = "kube-apiserver"
_SECONDS: Final = 20.0


def close_ports(home: Path) -> None:
    """Make the table of a home that of the ports it has reserved now; without any there is no table.

    Called before anything listens, and after ports are released. Raises NetworkError with what nft reports.
    """
    if cannot_close():
        return
    # Under the lock of the reservations, so that the last one who writes the table has seen them all.
    with reservations(home) as held:
        ports = {
            port for names in held.ports.values() for name, port in names.items() if not name.startswith(_AUTHENTICATES)
        }
        _apply(loopback_rules(table_name(home), ports, os.geteuid()))


def cannot_close() -> str:
    """Why the rules cannot be written on this machine; empty when they can."""
    return missing_for_rules()


def table_name(home: Path) -> str:
    """The table of a home, unlike any other's on this machine."""
    return f"meshfleet-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def loopback_rules(table: str, ports: Collection[int], user: int) -> str:
    """The nftables script that makes the table that of these ports, all of them or none. Pure.

    Only the first packet of a connection is looked at, so that nothing is lost where it is written again.
    """
    begin = [f"table inet {table}", f"delete table inet {table}"]
    if not ports:
        return "\n".join([*begin, ""])
    elements = ", ".join(map(str, sorted(ports)))
    return "\n".join(
        [
            *begin,
            f"table inet {table} {{",
            f"  set ports {{ type inet_service; elements = {{ {elements} }} }}",
            "  chain output {",
            "    type filter hook output priority filter; policy accept;",
            '    oifname "lo" tcp flags & (syn | ack) == syn tcp dport @ports '
            f"meta skuid != {user} reject with tcp reset",
            "  }",
            "}",
            "",
        ]
    )


def _apply(rules: str) -> None:
    try:
        done = run_bounded(["nft", "-f", "-"], seconds=_SECONDS, stdin=rules)
    except ProcessError as error:
        raise NetworkError(f"nft cannot be run ({error}); install Debian's package nftables") from error
    if done.code != 0:
        raise NetworkError(f"nft refuses the rules for loopback ports: {' '.join(done.err.split())[:400]}")
