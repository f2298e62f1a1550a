"""A cluster that another one's control plane serves: the charts that lead there, once for each revision.

What they need of the primary is the address of its gateway; what they wait for is written by the primary's istiod,
once it has been given a remote secret for this cluster.
Source: https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.control_plane import CHARTS, ControlPlaneResources
from meshfleet.components.registration import Registration
from meshfleet.components.tokens import remote_readiness
from meshfleet.manifests import ambient, istiod_endpoints, names
from meshfleet.manifests import control_plane as manifests
from meshfleet.manifests.section import Point, elsewhere
from meshfleet.plugins.meshfleet.sdk import Istiod, RemoteClusterReadiness


class RemoteControlPlane(Component):
    """Leads the cluster's proxies and webhooks to the istiods of its primary, whose processes are `istiods`."""

    # Where a cluster gets its own control plane, or gives it up, the same charts get other values.
    in_place_of = "ControlPlane"

    def __init__(
        self, registration: Registration, cluster: str, istiods: Mapping[str, Istiod], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(cluster, opts)
        self._registration, self._cluster, self._istiods = registration, cluster, istiods
        registration.register(self, cluster, *CHARTS)

    def register_readiness(self) -> ControlPlaneResources:
        """Register the wait for the primary's istiod, and complete the component.

        Nothing in the cluster reaches that istiod before the gateway in front of it is open.
        """
        registration, cluster = self._registration, self._cluster
        fleet, access = registration.fleet, registration.access[cluster]
        namespace, primary = fleet.system_namespace(cluster), fleet.primary_of(cluster)
        reachable = [
            elsewhere(primary, names.REMOTE_SECRETS),
            *(elsewhere(fleet.hosting(cluster), rule) for rule in names.TO_ISTIODS),
        ]
        ready = []
        for revision in fleet.istio.installed:
            process = self._istiods.get(revision)
            led = istiod_endpoints.documents(fleet, cluster, revision, registration.known)
            after = registration.waits(cluster, [names.istiod_service(revision), *led, *reachable])
            former = f"{cluster}/{'served' if revision == 'default' else f'served-{revision}'}"
            ready.append(
                RemoteClusterReadiness(
                    f"{cluster}/{remote_readiness(revision)}",
                    cluster=cluster,
                    primary=primary,
                    namespace=namespace,
                    webhook=manifests.injection_webhook(revision, namespace),
                    kubeconfig=access.kubeconfig,
                    context=access.context or None,
                    debug_url=process.debug_url if process else None,
                    opts=pulumi.ResourceOptions.merge(
                        self.child(after=after, deleted_with=access.goes_with),
                        pulumi.ResourceOptions(aliases=[pulumi.Alias(name=former)]),
                    ),
                )
            )
        resources = ControlPlaneResources(ready)
        registration.reached(cluster, Point.ISTIOD_READY, resources.ready)
        registration.register(self, cluster, ambient.NODE_AGENTS)
        self.done()
        return resources
