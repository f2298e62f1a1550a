"""Ranges in which no pod, Service, gateway or machine can have an address, on any provider.

Sources: RFC 6890 and the registries https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

IpNetwork = IPv4Network | IPv6Network

_SPECIAL: Final[tuple[tuple[IpNetwork, str], ...]] = (
    (IPv4Network("0.0.0.0/8"), "this host on this network"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
    (IPv6Network("::/128"), "the unspecified address"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("::ffff:0:0/96"), "IPv4-mapped, write the IPv4 address"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("ff00::/8"), "multicast"),
)


def special_range(value: IpNetwork | IPv4Address | IPv6Address) -> str | None:
    """The special range that an address is in, or a range overlaps, in words; None for one that can be assigned."""
    block = ip_network(value)
    for special, what in _SPECIAL:
        if block.version == special.version and block.overlaps(special):
            return f"{special} ({what})"
    return None
