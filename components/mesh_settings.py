"""The settings of a mesh that are objects of the root namespace: mutual TLS, telemetry, outlier detection.

The others are in the mesh configuration of the istiod chart.
Source: https://istio.io/latest/docs/reference/config/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import mesh_settings as manifests
from meshfleet.topology import Fleet


class MeshSettings(Component):
    """The objects of one cluster; after istiod, whose webhook looks at each."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        for name, manifest in manifests.objects(fleet, access.name).items():
            KubernetesObject(
                f"{access.name}/{name}",
                fleet,
                manifest,
                self.child(provider=access.provider, after=control_plane.ready, deleted_with=access.goes_with),
            )
        self.done()
