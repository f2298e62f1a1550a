"""Namespaces: Istio's own with its network label, and those the stack file declares.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import ambient
from meshfleet.manifests import namespaces as manifests
from meshfleet.plugins.meshfleet.sdk import IstiodConfigMapCleanup
from meshfleet.topology import Fleet


class IstioSystem(Component):
    """The namespace everything of Istio waits for; charts wait for `prepared`.

    Where the cluster stays, that is the removal of what istiods write into every namespace: it comes when nothing
    of the charts is left that would let one write it again.
    """

    def __init__(self, fleet: Fleet, access: ClusterAccess, opts: pulumi.ResourceOptions) -> None:
        super().__init__(access.name, opts)
        self.namespace = KubernetesObject(
            f"{access.name}/istio-system",
            fleet,
            manifests.istio_system(fleet, access.name),
            self.child(provider=access.provider, deleted_with=access.goes_with),
        )
        self.prepared: pulumi.Resource = self.namespace
        if access.goes_with is None:
            self.prepared = IstiodConfigMapCleanup(
                f"{access.name}/istiod-configmaps",
                cluster=access.name,
                kubeconfig=access.kubeconfig,
                context=access.context or None,
                opts=self.child(after=[self.namespace]),
            )
        self.done()


class ExternalNamespace(Component):
    """The namespace in which a cluster hosts the control plane of another one."""

    def __init__(self, fleet: Fleet, cluster: str, host: ClusterAccess, opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"{host.name} for {cluster}", opts)
        self.namespace = KubernetesObject(
            f"{host.name}/external-{cluster}-namespace",
            fleet,
            manifests.external_istiod(fleet, cluster),
            self.child(provider=host.provider, deleted_with=host.goes_with),
        )
        self.done()


class Namespaces(Component):
    """The declared namespaces of one cluster, with waypoints; after istiod, so that their first pod is in the mesh."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        waypoints = ambient.waypoints(fleet, access.name)
        self.made: dict[str, pulumi.Resource] = {}
        for name, manifest in manifests.declared(fleet, access.name).items():
            namespace = KubernetesObject(
                f"{access.name}/namespace-{name}",
                fleet,
                manifest,
                self.child(provider=access.provider, after=control_plane.ready, deleted_with=access.goes_with),
            )
            self.made[name] = namespace
            if name in waypoints:
                KubernetesObject(
                    f"{access.name}/waypoint-{name}",
                    fleet,
                    waypoints[name],
                    self.child(provider=access.provider, after=[namespace], deleted_with=access.goes_with),
                )
        self.done()
