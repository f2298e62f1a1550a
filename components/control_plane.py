"""A cluster's own Istio control plane: the charts base and istiod, and istiod itself.

On a cluster whose pods run, the chart's Deployment is istiod. Where they are simulated, istiod is a process beside
the cluster, and the charts make the API server call that process's webhooks.
Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.helm_release import HelmRelease, helm_release
from components.istiod_process import process_address, start_process, webhooks_at
from components.trust import TrustResources
from manifests import ambient
from manifests import control_plane as manifests
from plugins.meshfleet.sdk import Istiod, IstiodAddress, ServedCluster
from topology import Fleet


@dataclass(frozen=True)
class ControlPlaneResources:
    """`ready` is what to wait for before anything in the cluster needs istiod to answer.

    `address` and `process` are those of an istiod process that carries the cluster's name; `served` is there when
    istiod runs elsewhere.
    """

    base: HelmRelease
    istiod: HelmRelease
    address: IstiodAddress | None
    process: Istiod | None
    served: ServedCluster | None = None

    @property
    def ready(self) -> pulumi.Resource:
        """The resource that is done when istiod answers."""
        return self.served or self.process or self.istiod


class ControlPlane(Component):
    """Brings up istiod for one cluster, after its namespace and its `cacerts`."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        namespace: pulumi.Resource,
        trust: TrustResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        address = process_address(self, fleet, cluster) if fleet.clusters[cluster].simulated else None
        webhooks = webhooks_at(fleet, cluster, address) if address else None

        def in_cluster(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(provider=access.provider, after=after, deleted_with=access.goes_with)

        before = [
            helm_release(f"{cluster}/{name}", fleet, cluster, release, in_cluster(namespace))
            for name, release in ambient.before(fleet, cluster).items()
        ]
        base = helm_release(
            f"{cluster}/istio-base",
            fleet,
            cluster,
            manifests.base(fleet, cluster, webhooks),
            in_cluster(namespace, *before),
        )
        istiod = helm_release(
            f"{cluster}/istiod",
            fleet,
            cluster,
            manifests.istiod(fleet, cluster, webhooks),
            in_cluster(base, trust.cacerts),
        )
        process = (
            start_process(self, fleet, access, address, trust, after=istiod, config_kubeconfig=None)
            if address
            else None
        )
        self.resources = ControlPlaneResources(base, istiod, address, process)
        for name, release in ambient.after(fleet, cluster).items():
            helm_release(f"{cluster}/{name}", fleet, cluster, release, in_cluster(self.resources.ready))
        self.debug_url: pulumi.Output[str] | None = process.debug_url if process else None
        self.done()
