"""How peers reach the API server of a cluster, wrong: addresses, authorities, tokens."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing

DISCOVERY = "clusters.west.discovery"
SERVER = f"{DISCOVERY}.server"
LOOPBACK = ("127.0.0.1", "127.8.9.10", "localhost", "LOCALHOST.", "api.localhost", "[::1]", "[::ffff:127.0.0.1]")


def elsewhere(server: str) -> dict[str, object]:
    """Changes that give the peers of `west` a server, one of them on nodes of its own."""
    return {"clusters.west": existing("west", pods="simulated"), "clusters.east": existing("east"), SERVER: server}


SERVERS = [
    *(
        Wrong(
            f"server that is {what}",
            {SERVER: server},
            {SERVER: f"{server!r} is not an https:// URL; write it as https://api.west.example:6443"},
        )
        for what, server in (
            ("no URL", "api.west.example"),
            ("plain HTTP", "http://api.west.example"),
            ("without a host", "https://:6443"),
            ("of an impossible port", "https://api.west.example:70000"),
            ("of a port that is a word", "https://api.west.example:https"),
            ("of half an address", "https://[fd00::1"),
            ("in two words", "https://api west.example"),
            ("nothing", ""),
        )
    ),
    *(
        Wrong(
            f"server with {what}",
            {SERVER: server},
            {SERVER: "contains a user, a query or a fragment; write only https://HOST:PORT"},
            ("xyzzy",),
        )
        for what, server in (
            ("a password", "https://admin:xyzzy@api.west.example:6443"),
            ("a query", "https://api.west.example:6443/?key=xyzzy"),
            ("a fragment", "https://api.west.example:6443/#xyzzy"),
        )
    ),
    *(
        Wrong(
            f"loopback server {host} where a peer is elsewhere",
            elsewhere(f"https://{host}:6443"),
            {SERVER: f"'https://{host}:6443' is an address of this machine, and pods of east run elsewhere"},
        )
        for host in (
            "127.0.0.1",
            "127.8.9.10",
            "localhost",
            "LOCALHOST.",
            "api.localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
        )
    ),
    Wrong(
        "name that is none for a certificate",
        {f"{DISCOVERY}.tlsServerName": "https://api"},
        {f"{DISCOVERY}.tlsServerName": "'https://api' is not a DNS name; write a name of the API server's certificate"},
    ),
    Wrong(
        "name of a certificate with a wildcard",
        {f"{DISCOVERY}.tlsServerName": "*.example"},
        {f"{DISCOVERY}.tlsServerName": "'*.example' is not a DNS name"},
    ),
    Wrong(
        "certificate authority with a key in it",
        {f"{DISCOVERY}.certificateAuthority": "-----BEGIN PRIVATE KEY-----\nxyzzy\n-----END PRIVATE KEY-----\n"},
        {f"{DISCOVERY}.certificateAuthority": ("holds a private key", "is more or less than certificates in PEM")},
        ("xyzzy",),
    ),
    Wrong(
        "certificate authority that is cut",
        {f"{DISCOVERY}.certificateAuthority": "-----BEGIN CERTIFICATE-----\nMIIB"},
        {f"{DISCOVERY}.certificateAuthority": "is more or less than certificates in PEM; give the authority's"},
    ),
    Wrong(
        "certificate authority that is blank",
        {f"{DISCOVERY}.certificateAuthority": " "},
        {f"{DISCOVERY}.certificateAuthority": "' ' is neither a path nor PEM"},
    ),
    Wrong(
        "unknown key of discovery",
        {f"{DISCOVERY}.url": "https://api.west.example"},
        {f"{DISCOVERY}.url": "unknown key; known are certificateAuthority, readBy, server, tlsServerName, token"},
    ),
]

TOKENS = [
    Wrong(
        "token of generation zero",
        {f"{DISCOVERY}.token": 0},
        {f"{DISCOVERY}.token": "0: input should be greater than or equal to 1"},
    ),
    Wrong(
        "token and a half",
        {f"{DISCOVERY}.token": 1.5},
        {f"{DISCOVERY}.token": "must be an integer, got 1.5"},
    ),
    Wrong(
        "number of a token in quotes",
        {f"{DISCOVERY}.token": "2"},
        {f"{DISCOVERY}.token": "is a text; give the number of the token, 1 or higher"},
    ),
    Wrong(
        "a token itself for its number",
        {f"{DISCOVERY}.token": "opaque-token-xyzzy"},
        {f"{DISCOVERY}.token": ("holds a credential", "is a text; give the number of the token")},
        ("xyzzy",),
    ),
]


DISCOVERY_SETTINGS = [*SERVERS, *TOKENS]
