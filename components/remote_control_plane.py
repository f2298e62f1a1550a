"""A cluster that another one's control plane serves: the charts that lead there, once for each revision.

What they need of the primary is the address of its gateway; what they wait for is written by the primary's istiod,
once it has been given a remote secret for this cluster.
Source: https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.istio_charts import istio_charts
from meshfleet.components.istiod_process import webhooks_at
from meshfleet.components.tokens import remote_readiness
from meshfleet.manifests import control_plane as manifests
from meshfleet.plugins.meshfleet.sdk import RemoteClusterReadiness
from meshfleet.topology import Fleet


class RemoteControlPlane(Component):
    """Leads the cluster's proxies and webhooks to the istiods of its primary; `resources` are its charts."""

    # Where a cluster gets its own control plane, or gives it up, the same charts get other values.
    in_place_of = "ControlPlane"

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        prepared: pulumi.Resource,
        primary: ControlPlaneResources,
        gateway_address: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        self._fleet, self._access, self._primary = fleet, access, primary
        webhooks = {name: webhooks_at(fleet, access.name, address) for name, address in primary.addresses.items()}
        charts = istio_charts(self, fleet, access, prepared, webhooks, address=gateway_address)
        self.resources = ControlPlaneResources(charts.base, charts.istiods, tags=charts.tags)

    def wait(self, remote_secrets: pulumi.Resource, way: Sequence[pulumi.Resource]) -> ControlPlaneResources:
        """Register the wait for being served, which `remote_secrets` of the primary sets going; ends the component.

        `way` is what opens the gateway in front of that istiod: nothing in the cluster reaches it before.
        """
        fleet, access = self._fleet, self._access
        charts, namespace = self.resources, fleet.system_namespace(access.name)
        served = {}
        for revision, chart in charts.istiods.items():
            former = f"{access.name}/{'served' if revision == 'default' else f'served-{revision}'}"
            process = self._primary.processes.get(revision)
            served[revision] = RemoteClusterReadiness(
                f"{access.name}/{remote_readiness(revision)}",
                cluster=access.name,
                primary=fleet.primary_of(access.name),
                namespace=namespace,
                webhook=manifests.injection_webhook(revision, namespace),
                kubeconfig=access.kubeconfig,
                context=access.context or None,
                debug_url=process.debug_url if process else None,
                opts=pulumi.ResourceOptions.merge(
                    self.child(after=[chart, remote_secrets, *way], deleted_with=access.goes_with),
                    pulumi.ResourceOptions(aliases=[pulumi.Alias(name=former)]),
                ),
            )
        self.done()
        return replace(charts, served=served)
