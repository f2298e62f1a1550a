"""Namespaces that the fleet owns, with or without sidecar injection."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from meshfleet.topology.labels import LabelValue, NamespaceLabelKey
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.quota import FederatedResourceQuota


class Namespace(Model):
    """A namespace of the same name in some clusters; in all of them when `clusters` is empty.

    Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    """

    injection: bool = False
    """Whether its pods join the mesh: by a sidecar of the fleet's revision, or by ambient mode."""
    waypoint: bool = False
    """Ambient mode only: whether its Services have a waypoint proxy, in every cluster."""
    global_services: bool = False
    """Ambient mode only: whether its Services are global: reachable from, and balanced over, all clusters."""
    clusters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters it exists in; all of them when left out."""
    labels: dict[NamespaceLabelKey, LabelValue] = Field(default_factory=dict)
    """Additional labels; those for injection and for the network are set by the fleet."""
    federated_resource_quota: FederatedResourceQuota | None = None
    """What propagated workloads in it may ask for in all clusters together."""
