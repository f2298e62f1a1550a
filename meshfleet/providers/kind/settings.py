"""The settings of a kind cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from meshfleet.providers.base import Settings
from meshfleet.topology.model import Model
from meshfleet.topology.text import FilePath, Line

MOST_NODES = 20


class Docker(Model):
    """The Docker engine that runs the nodes; it has to be on this machine."""

    socket: FilePath = ""
    """Its Unix socket; left out, the fleet's own for built images, else /var/run/docker.sock."""


class Kind(Settings):
    """A kind cluster on this machine: its nodes are containers, and its pods run in them.

    With `images: built` no registry is needed: node, Istio and echo server are what `scripts/kind-images` builds. With
    `images: published` they come from registries, `image` names another node image, and `istio.values` of the charts
    are as Istio publishes them.

    Source: https://kind.sigs.k8s.io/docs/user/configuration/
    """

    summary: ClassVar[str] = "a kind cluster on this machine"

    nodes: Annotated[int, Field(ge=1, le=MOST_NODES)] = 1
    """The number of nodes: the control plane's, which runs pods when it is the only one, and workers."""
    images: Literal["built", "published"] = "built"
    """Where images come from: built on this machine, or published in image registries."""
    image: Line = ""
    """The node image with `images: published`; kindest/node of `kubernetes.version` when left out."""
    gateway_addresses: Literal["node", "cluster"] = "node"
    """Addresses of gateways: on a node, or from a load balancer that you install, such as MetalLB."""
    docker: Docker = Field(default_factory=Docker)
    """The Docker engine that runs the nodes."""
