"""An istiod's debug API, read as typed records.

Source: https://istio.io/latest/docs/ops/diagnostic-tools/ and pilot/pkg/xds/debug.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshfleet.verification.istiod import (
    ConnectedProxy,
    Endpoint,
    KnownCluster,
    NetworkGateway,
    Shard,
    connected_proxies,
    endpoints,
    known_clusters,
    mesh_config,
    network_gateways,
    query,
    service_shards,
)
from meshfleet.verification.view import ClusterView, ControlPlaneView

_SECONDS = 10.0


@dataclass(frozen=True)
class Istiod:
    """The debug API of one istiod. Every reader raises UnreachableError without an answer within `seconds`, and
    VerificationError for another answer than the debug API has.
    """

    cluster: ClusterView
    seconds: float = _SECONDS

    @classmethod
    def on_port(cls, cluster: str, port: int) -> Istiod:
        """The istiod of a cluster by the loopback port of its debug API."""
        plane = ControlPlaneView("own", cluster, debug_url=f"http://127.0.0.1:{port}")
        return cls(ClusterView(cluster, "", "", "", Path(), plane))

    def page(self, name: str) -> Any:
        """The JSON of `/debug/<name>`, of any page."""
        return query(self.cluster, name, self.seconds)

    def clusters(self) -> dict[str, KnownCluster]:
        """The clusters it discovers, by cluster ID (`/debug/clusterz`)."""
        return {one.id: one for one in known_clusters(self.page("clusterz"))}

    def sync(self) -> dict[str, str]:
        """How far it got with each cluster: `synced`, `syncing`, `timeout` (`/debug/clusterz`)."""
        return {name: one.status for name, one in self.clusters().items()}

    def gateways(self) -> tuple[NetworkGateway, ...]:
        """The gateways it sends cross-network traffic to (`/debug/networkz`)."""
        return network_gateways(self.page("networkz"))

    def shards(self) -> dict[str, dict[str, Shard]]:
        """The endpoints of each Service: host name, then cluster, then shard (`/debug/endpointShardz`)."""
        return service_shards(self.page("endpointShardz"))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint of every cluster (`/debug/endpointShardz`)."""
        return endpoints(self.page("endpointShardz"))

    def endpoint_clusters(self) -> set[str]:
        """The clusters that contribute endpoints (`/debug/endpointShardz`)."""
        return {cluster for shards in self.shards().values() for cluster in shards}

    def proxies(self) -> tuple[ConnectedProxy, ...]:
        """The connected proxies, and what each of them rejected (`/debug/syncz`)."""
        return connected_proxies(self.page("syncz"))

    def mesh(self) -> dict[str, Any]:
        """The mesh configuration in effect (`/debug/mesh`)."""
        return dict(mesh_config(self.page("mesh")))
