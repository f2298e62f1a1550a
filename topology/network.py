"""A network: the clusters whose pods reach each other directly.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field

from topology.addresses import GatewayAddress
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


Port = Annotated[int, Field(ge=1, le=65535)]


class NetworkGateway(Model):
    """A gateway into a network that istiod cannot find by itself, since no cluster has a labelled Service for it.

    It leads to what takes mutual TLS for the network's services by their SNI, as an east-west gateway does.

    Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#Network-IstioNetworkGateway
    """

    address: GatewayAddress
    """Its IP address, or its DNS name, which istiods resolve."""
    port: Port = 15443
    """The port at which it takes mutual TLS from the other networks."""


class Network(Model):
    """A network by its name; clusters join it through their `network` field."""

    description: str = ""
    """What the network is, for people."""
    gateways: Annotated[tuple[NetworkGateway, ...], Field(strict=False)] = ()
    """Gateways into it beside those that its clusters have."""
