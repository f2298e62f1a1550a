"""A cluster that another one's control plane serves: the charts that lead there.

What they need of the primary is the address of its gateway; what they wait for is written by the primary's istiod,
once it has been given a remote secret for this cluster.
Source: https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.control_plane import ControlPlaneResources
from components.helm_release import HelmRelease, helm_release
from components.istiod_process import webhooks_at
from manifests import control_plane as manifests
from plugins.meshfleet.sdk import ServedCluster
from topology import Fleet


class RemoteControlPlane(Component):
    """Leads the cluster's proxies and webhooks to the istiod of its primary."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        namespace: pulumi.Resource,
        primary: ControlPlaneResources,
        gateway_address: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        self._fleet = fleet
        self._access = access
        cluster = access.name
        webhooks = webhooks_at(fleet, cluster, primary.address) if primary.address else None

        def in_cluster(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(provider=access.provider, after=after, deleted_with=access.goes_with)

        self.base: HelmRelease = helm_release(
            f"{cluster}/istio-base", fleet, cluster, manifests.base(fleet, cluster, webhooks), in_cluster(namespace)
        )
        self.istiod: HelmRelease = helm_release(
            f"{cluster}/istiod",
            fleet,
            cluster,
            manifests.istiod(fleet, cluster, webhooks, gateway_address),
            in_cluster(self.base),
        )
        self._primary = primary

    def wait(self, remote_secrets: pulumi.Resource, way: Sequence[pulumi.Resource]) -> ControlPlaneResources:
        """Register the wait for being served, which `remote_secrets` of the primary sets going; ends the component.

        `way` is what opens the gateway in front of that istiod: nothing in the cluster reaches it before.
        """
        fleet, access = self._fleet, self._access
        primary = fleet.primary_of(access.name)
        served = ServedCluster(
            f"{access.name}/served",
            cluster=access.name,
            primary=primary,
            namespace=fleet.system_namespace(access.name),
            webhook=manifests.injection_webhook(fleet, access.name),
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            debug_url=self._primary.process.debug_url if self._primary.process else None,
            opts=self.child(after=[self.istiod, remote_secrets, *way], deleted_with=access.goes_with),
        )
        self.done()
        return ControlPlaneResources(self.base, self.istiod, None, None, served)
