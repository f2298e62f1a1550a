"""What is deployed, as far as rollout plans depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Bundle = tuple[str, ...]
"""Roots that are trusted, by name: the one that signs, then the others. See `Trust.bundle`."""


@dataclass(frozen=True)
class DeployedTrust:
    """The roots of a deployed mesh.

    Every cluster of it has reached `reached`. While a change is under way, or was interrupted, some of them may be
    at `begun` already; otherwise the two are the same.
    """

    reached: Bundle
    begun: Bundle

    @property
    def settled(self) -> bool:
        """Whether all clusters are known to be at the same stage."""
        return self.reached == self.begun


@dataclass(frozen=True)
class DeployedRevisions:
    """The deployed revisions of Istio with their versions, and the ones that gateways and workloads are on."""

    installed: Mapping[str, str]
    gateways: str
    workloads: str

    def moved(self, *, gateways: str = "", workloads: str = "") -> DeployedRevisions:
        """The same with gateways, or workloads, on another revision."""
        return replace(self, gateways=gateways or self.gateways, workloads=workloads or self.workloads)


@dataclass(frozen=True)
class DeployedNetwork:
    """The network of a deployed cluster: `reached` by the last run that completed, `begun` by one that did not.

    The two are the same unless a move was interrupted. `gateway` is the network that its gateway leads into, empty
    where it has none.
    """

    reached: str
    begun: str
    gateway: str = ""


@dataclass(frozen=True)
class Deployed:
    """What is deployed: `trust` by mesh, without meshes that are not deployed; `networks` by cluster.

    `revisions` is None as long as no run has completed.
    """

    trust: Mapping[str, DeployedTrust] = field(default_factory=dict)
    revisions: DeployedRevisions | None = None
    networks: Mapping[str, DeployedNetwork] = field(default_factory=dict)
