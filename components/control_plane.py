"""A cluster's own Istio control plane: the charts base and istiod, and istiod itself, once for each revision.

On a cluster whose pods run, the chart's Deployment is istiod. Where they are simulated, istiod is a process beside
the cluster, and the charts make the API server call that process's webhooks.
Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.helm_release import HelmRelease, helm_release
from meshfleet.components.istio_charts import istio_charts
from meshfleet.components.istiod_process import process_address, start_process, webhooks_at
from meshfleet.components.trust import TrustResources
from meshfleet.manifests import ambient
from meshfleet.plugins.meshfleet.sdk import Istiod, IstiodAddress, RemoteClusterReadiness
from meshfleet.topology import Fleet


@dataclass(frozen=True)
class ControlPlaneResources:
    """What a cluster has of its control plane; mappings are by revision.

    `addresses` and `processes` are those of istiod processes that carry the cluster's name; `hosted` are the releases
    of an external istiod where it runs; `served` is there when another cluster's istiod serves this one. `tags` are
    the webhooks that lead to a revision by another name.
    """

    base: HelmRelease
    istiods: Mapping[str, HelmRelease]
    addresses: Mapping[str, IstiodAddress] = field(default_factory=dict)
    processes: Mapping[str, Istiod] = field(default_factory=dict)
    hosted: Mapping[str, HelmRelease] = field(default_factory=dict)
    served: Mapping[str, RemoteClusterReadiness] = field(default_factory=dict)
    tags: Sequence[pulumi.Resource] = ()

    @property
    def charts(self) -> list[pulumi.Resource]:
        """The releases, which hold the reader's account and what it may read."""
        return [self.base, *self.istiods.values()]

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What to wait for before anything in the cluster needs istiod to answer."""
        return list((self.served or self.processes or self.hosted or self.istiods).values())


class ControlPlane(Component):
    """Brings up istiod for one cluster, after its namespace and its `cacerts`."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        prepared: pulumi.Resource,
        trust: TrustResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster, istio = access.name, fleet.istio
        simulated = fleet.clusters[cluster].simulated
        addresses = {name: process_address(self, fleet, cluster, name) for name in istio.installed if simulated}
        webhooks = {name: webhooks_at(fleet, cluster, address) for name, address in addresses.items()}

        charts = istio_charts(self, fleet, access, prepared, webhooks, after=[trust.cacerts], roots=trust.fingerprints)
        processes = {
            revision: start_process(self, fleet, access, revision, address, trust, after=[charts.istiods[revision]])
            for revision, address in addresses.items()
        }
        self.resources = ControlPlaneResources(charts.base, charts.istiods, addresses, processes, tags=charts.tags)
        for name, release in ambient.after(fleet, cluster, trust.fingerprints).items():
            opts = self.child(provider=access.provider, after=self.resources.ready, deleted_with=access.goes_with)
            helm_release(f"{cluster}/{name}", fleet, access, release, opts)
        self.done()
