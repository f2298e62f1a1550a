"""Which user of this machine may connect to the ports of a home's fleets: the one they belong to.

istiod and KWOK have ports on loopback that ask for no credentials, and can listen neither on a Unix socket nor with
client certificates. So the kernel refuses connections of other users to them, in one nftables table for each home. API
servers are left out, since these authenticate. It takes the right to write such rules (CAP_NET_ADMIN): without it the
ports stay open to the other users of the machine (docs/security.md).
Source: https://www.netfilter.org/projects/nftables/manpage.html (META EXPRESSIONS, skuid)
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from meshfleet.embedded.kept_tables import Kept, abandoned, keep
from meshfleet.embedded.privileges import missing_for_rules
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import NetworkError, ProcessError
from meshfleet.errors.containment import MALFORMED
from meshfleet.files.json_text import parse_json
from meshfleet.processes.bounded_run import run_bounded

_AUTHENTICATES: Final = "kube-apiserver"
_SECONDS: Final = 20.0
FRESH_SECONDS: Final = 1.0
"""How long what nft listed is taken for what there is."""
_LOCK: Final = threading.Lock()
_SEEN: Final[dict[str, tuple[float, object]]] = {}
_CHAIN: Final = {"type": "filter", "hook": "output", "prio": 0, "policy": "accept"}
_MATCHED: Final = (
    {"meta": {"key": "oifname"}},
    {"payload": {"protocol": "tcp", "field": "dport"}},
    {"meta": {"key": "skuid"}},
)


def close_ports(home: Path) -> None:
    """Make the table of a home that of the ports it has reserved now; without any there is no table.

    Tables of homes that are gone are removed. Called before anything listens, and after ports are released. Raises
    NetworkError with what nft reports.
    """
    if cannot_close():
        return
    # Under the lock of the reservations, so that the last one who writes the table has seen them all.
    with reservations(home) as held:
        ports = frozenset(port for names in held.ports.values() for name, port in names.items() if _is_closed(name))
        table = table_name(home)
        _apply(loopback_rules(table, ports, os.geteuid()))
        keep(Kept(table, home, ports))
        for left in abandoned(home, ports):
            _apply(loopback_rules(left.table, (), os.geteuid()))
            keep(replace(left, ports=frozenset()))


def open_ports(home: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Which of a fleet's ports by name other users may connect to that `close_ports` had closed: its table is missing
    or was changed. None where rules cannot be written. Raises NetworkError.
    """
    wanted = {name: port for name, port in ports.items() if _is_closed(name)}
    if not wanted or cannot_close():
        return ()
    try:
        closed = closed_ports(_listing(table_name(home)), os.geteuid())
    except MALFORMED:
        # Rules of a shape that this table never has.
        closed = frozenset()
    return tuple(f"port {port} ({name})" for name, port in sorted(wanted.items()) if port not in closed)


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


def closed_ports(listing: object, user: int) -> frozenset[int]:
    """The ports in a table as nft lists it in JSON, if it has the one chain and the one rule of `loopback_rules`. Pure.

    None are in a listing of another form.
    Source: https://manpages.debian.org/bookworm/libnftables1/libnftables-json.5.en.html
    """
    try:
        return _ports_in(listing, user)
    except MALFORMED:
        return frozenset()


def _ports_in(listing: object, user: int) -> frozenset[int]:
    found: dict[str, list[Any]] = {}
    entries = listing.get("nftables") if isinstance(listing, dict) else None
    for entry in entries or ():
        for kind, content in entry.items():
            found.setdefault(kind, []).append(content)
    chains, rules, sets = (found.get(kind, []) for kind in ("chain", "rule", "set"))
    if not len(chains) == len(rules) == len(sets) == 1:
        return frozenset()
    if any(chains[0].get(key) != value for key, value in _CHAIN.items()) or not _refuses(rules[0]["expr"], user):
        return frozenset()
    return frozenset(port for port in sets[0].get("elem", ()) if isinstance(port, int))


def _refuses(parts: Sequence[Mapping[str, Any]], user: int) -> bool:
    """Whether a rule is that of `loopback_rules`. How the flags of TCP are shown differs between versions of nft."""
    matches = {json.dumps(part["match"]["left"], sort_keys=True): part["match"] for part in parts if "match" in part}
    seen = [(matches.get(json.dumps(left, sort_keys=True)) or {}) for left in _MATCHED]
    wanted = [("==", "lo"), ("==", "@ports"), ("!=", user)]
    last = list(parts[-1]) if parts else []
    return len(parts) == 5 and last == ["reject"] and [(one.get("op"), one.get("right")) for one in seen] == wanted


def _listing(table: str) -> object:
    """The table as nft lists it; what was read a moment ago is not read again for every cluster and istiod."""
    with _LOCK:
        seen = _SEEN.get(table)
        if seen is None or time.monotonic() - seen[0] > FRESH_SECONDS:
            _SEEN[table] = seen = (time.monotonic(), _list(table))
        return seen[1]


def _list(table: str) -> object:
    try:
        listed = run_bounded(["nft", "-j", "-n", "list", "table", "inet", table], seconds=_SECONDS)
    except ProcessError as error:
        raise NetworkError(f"nft cannot be run ({error}); install Debian's package nftables") from error
    try:
        return parse_json(listed.out) if listed.code == 0 else None
    except ValueError:
        return None


def _is_closed(name: str) -> bool:
    return not name.startswith(_AUTHENTICATES)


def _apply(rules: str) -> None:
    with _LOCK:
        _SEEN.clear()
    try:
        done = run_bounded(["nft", "-f", "-"], seconds=_SECONDS, stdin=rules)
    except ProcessError as error:
        raise NetworkError(f"nft cannot be run ({error}); install Debian's package nftables") from error
    if done.code != 0:
        raise NetworkError(f"nft refuses the rules for loopback ports: {' '.join(done.err.split())[:400]}")
