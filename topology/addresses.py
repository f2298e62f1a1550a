"""Addresses of gateways and machines, and the names of hosts: what may stand for them in a stack file.

Sources: RFC 1123, section 2.1, and for hosts of listeners
https://gateway-api.sigs.k8s.io/reference/spec/#hostname
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator

from topology.shown import shown

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
    # Of IPv4 the block that was never given out, with the broadcast address in it; of IPv6 most of what there is.
    useless = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
    if useless or (address.version == 4 and address.is_reserved):
        raise ValueError(f"{shown(value)} is no address that pods reach a machine at; give the one of its network")
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
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
        raise ValueError(f"{shown(value)} is no address that other clusters reach; give the one of a load balancer")
    # One spelling for each address, so that two of the same are seen to be.
    return str(address)


IpAddress = Annotated[str, AfterValidator(_checked_ip)]
MachineAddress = Annotated[str, AfterValidator(_checked_machine)]
DnsName = Annotated[str, AfterValidator(_checked_dns_name)]
GatewayAddress = Annotated[str, AfterValidator(_checked_address)]
Host = Annotated[str, AfterValidator(_checked_host)]
