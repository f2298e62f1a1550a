"""What is deployed, as far as changes in place depend on it; a field that is not known causes no fault."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class DeployedCluster:
    """What is known of a cluster; a text is empty where it is not.

    `served_by` is empty for a cluster whose control plane is its own; `ranges` has the ranges of its pods and
    Services by their keys, None for the default, and lacks what is not known. `istiod_port` is the one of its gateway
    that leads to istiods; 0 where there is none.
    """

    provider: str = ""
    mesh: str = ""
    kind: str = ""
    served_by: str = ""
    namespace: str = ""
    network: str = ""
    istiod_port: int = 0
    ranges: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class DeployedFleet:
    """The deployed fleet, by name: clusters, and the trust domain of each mesh, empty where it is not known."""

    clusters: Mapping[str, DeployedCluster] = field(default_factory=dict)
    trust_domains: Mapping[str, str] = field(default_factory=dict)

    def servers_of(self, name: str) -> frozenset[str]:
        """The other clusters without which this one has no control plane: its primary, and where that one's runs."""
        found: set[str] = set()
        while name in self.clusters and (server := self.clusters[name].served_by) and server not in found:
            found.add(server)
            name = server
        return frozenset(found)

    def served_by(self, server: str) -> tuple[str, ...]:
        """The clusters whose control plane runs in another one, or carries its name."""
        return tuple(name for name in self.clusters if server in self.servers_of(name) and name != server)

    def without(self, gone: Collection[str]) -> DeployedFleet:
        """The same without these clusters."""
        return replace(self, clusters={name: found for name, found in self.clusters.items() if name not in gone})
