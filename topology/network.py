"""A network: the clusters whose pods reach each other directly.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator

from topology.faults import shown
from topology.model import Model

IpNetwork = IPv4Network | IPv6Network


def _parsed_range(value: object) -> IpNetwork:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        # An integer would be taken for an address, and no text of ours is an integer.
        return ip_network(value if isinstance(value, str) else "", strict=True)
    except ValueError:
        raise ValueError(
            f"{shown(value)} is not an address range; write it as 10.10.0.0/16, with no host bits set"
        ) from None


AddressRange = Annotated[IpNetwork, BeforeValidator(_parsed_range)]


class Network(Model):
    """A network by its name; clusters join it through their `network` field."""

    description: str = ""
