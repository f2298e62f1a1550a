"""Addresses, address ranges and the names of hosts: what may stand for them in a stack file.

Each field of a stack file that holds one has a type of this module, so that no value is checked in one place and
accepted in another. What depends on the cluster (its provider, its data plane) is in rules/address_families.py.

Sources: RFC 1123, section 2.1; for hosts of listeners https://gateway-api.sigs.k8s.io/reference/spec/#hostname
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.special_ranges import IpNetwork, special_range

# Without a length it would be a range of one address, which is never meant; netmasks and zones are refused.
# Every address has this form, and other texts have it too.
_ADDRESS = r"[0-9]+(\.[0-9]+){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f.:]+"
_WRITTEN_RANGE = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DNS_NAME = re.compile(rf"{LABEL}(\.{LABEL})+")
DNS_NAME_LENGTH = 253
# A last label of digits alone is that of an address which is none, as 300.1.2.3.
NUMBER = re.compile(r"(.*\.)?[0-9]+")


def is_ip(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address, without a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_dns_name(text: str) -> bool:
    """Whether a text is a full name of the domain name system, in lower-case letters."""
    return len(text) <= DNS_NAME_LENGTH and bool(DNS_NAME.fullmatch(text)) and not NUMBER.fullmatch(text)


def _checked_ip(value: str) -> str:
    if not is_ip(value):
        raise ValueError(f"{shown(value)} is not an IP address; write it as 203.0.113.7 or 2001:db8::7")
    return _one_that_others_reach(value)


def _checked_machine(value: str) -> str:
    if not is_ip(value):
        raise ValueError(f"{shown(value)} is not an IP address; write it as 10.0.0.7 or 2001:db8::7")
    address = ip_address(value)
    if special := special_range(address):
        raise ValueError(
            f"{shown(value)} is not an address at which pods reach a machine, it is in {special}; "
            "give the one of its network"
        )
    return str(address)


def _checked_dns_name(value: str) -> str:
    if not is_dns_name(value):
        raise ValueError(f"{shown(value)} is not a DNS name; write it in full, as gateway.west.example")
    return value


def _checked_address(value: str) -> str:
    if is_ip(value):
        return _one_that_others_reach(value)
    if not is_dns_name(value):
        raise ValueError(
            f"{shown(value)} is neither an IP address nor a DNS name; write it as 203.0.113.7 or gateway.west.example"
        )
    return value


def _checked_host(value: str) -> str:
    if value != "*" and not is_dns_name(value.removeprefix("*.")):
        raise ValueError(
            f"{shown(value)} is not a host; write it as shop.example, as *.example, or as '*' for every host"
        )
    return value


def _one_that_others_reach(value: str) -> str:
    address = ip_address(value)
    if special := special_range(address):
        raise ValueError(
            f"{shown(value)} is not an address that other clusters reach, it is in {special}; "
            "give the one of a load balancer"
        )
    # One spelling for each address, so that two of the same are seen to be.
    return str(address)


def _parsed_range(value: object) -> IpNetwork:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        if isinstance(value, str) and _WRITTEN_RANGE.fullmatch(value):
            return ip_network(value, strict=True)
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not an address range; write it as 10.10.0.0/16, with no host bits set")


def _usable_range(value: IpNetwork) -> IpNetwork:
    if special := special_range(value):
        raise ValueError(
            f"{value} overlaps {special}; use a private range, of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8"
        )
    return value


IpAddress = Annotated[str, AfterValidator(_checked_ip), text(_ADDRESS)]
MachineAddress = Annotated[str, AfterValidator(_checked_machine), text(_ADDRESS)]
DnsName = Annotated[str, AfterValidator(_checked_dns_name), text(DNS_NAME, DNS_NAME_LENGTH)]
GatewayAddress = Annotated[str, AfterValidator(_checked_address), text(rf"{_ADDRESS}|{DNS_NAME.pattern}")]
Host = Annotated[str, AfterValidator(_checked_host), text(rf"\*|(\*\.)?{DNS_NAME.pattern}")]
AddressRange = Annotated[IpNetwork, BeforeValidator(_parsed_range), AfterValidator(_usable_range), text(_WRITTEN_RANGE)]
