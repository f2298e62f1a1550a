"""The system namespace with its network label, and what has to be removed between the charts and it.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
"""

from __future__ import annotations

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.registration import Registration
from meshfleet.manifests import namespaces
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.sdk import IstiodConfigMapCleanup


class IstioSystem(Component):
    """The namespace that everything of Istio waits for, and the point that charts wait for.

    Where the cluster stays, that point is the removal of what istiods write into every namespace: it comes when nothing
    of the charts is left that would let one write it again.
    """

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        access = registration.access[cluster]
        prepared = list(registration.register(self, cluster, namespaces.SYSTEM).values())
        if access.goes_with is None:
            removal = IstiodConfigMapCleanup(
                f"{cluster}/istiod-configmaps",
                cluster=cluster,
                kubeconfig=access.kubeconfig,
                context=access.context or None,
                opts=self.child(after=prepared),
            )
            prepared = [removal]
        registration.reached(cluster, Point.SYSTEM_PREPARED, prepared)
        self.done()
