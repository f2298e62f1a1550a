"""A network: the clusters and virtual machines that reach each other directly.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from meshfleet.topology.addresses import GatewayAddress
from meshfleet.topology.model import Model
from meshfleet.topology.text import Text

Port = Annotated[int, Field(ge=1, le=65535)]


class NetworkGateway(Model):
    """A gateway into a network that istiod cannot discover, since no cluster has a labelled Service for it.

    It accepts mutual TLS for the network's services by SNI, as an east-west gateway does.

    Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#Network-IstioNetworkGateway
    """

    address: GatewayAddress
    """Its IP address, or a DNS name that istiods resolve."""
    port: Port = 15443
    """Its port for mutual TLS from other networks."""


class Network(Model):
    """A network by its name; clusters and virtual machines join it through their `network` field."""

    description: Text = ""
    """A description for readers of the file."""
    gateways: Annotated[tuple[NetworkGateway, ...], Field(strict=False)] = ()
    """Gateways into it besides those of its clusters; without a cluster the only ones."""
