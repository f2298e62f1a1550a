"""A network: the clusters whose pods reach each other directly.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator

from topology.model import Model
from topology.shown import shown

IpNetwork = IPv4Network | IPv6Network
# Without a length it would be a range of one address, which is never meant; netmasks and zones are refused.
WRITTEN = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")


def _parsed_range(value: object) -> IpNetwork:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        if isinstance(value, str) and WRITTEN.fullmatch(value):
            return ip_network(value, strict=True)
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not an address range; write it as 10.10.0.0/16, with no host bits set")


AddressRange = Annotated[IpNetwork, BeforeValidator(_parsed_range)]


class Network(Model):
    """A network by its name; clusters join it through their `network` field."""

    description: str = ""
    """What the network is, for people."""
