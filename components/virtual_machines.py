"""Virtual machines: what they need in a cluster to be of its mesh, and to be called from it.

Source: https://istio.io/latest/docs/setup/install/virtual-machine/
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import virtual_machines as manifests
from meshfleet.topology import Fleet


class VirtualMachines(Component):
    """The objects of one cluster, each in a namespace of the fleet; after istiod, whose webhook looks at them."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        namespaces: Mapping[str, pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        accounts: dict[str, list[pulumi.Resource]] = {}
        for name, manifest in manifests.objects(fleet, access.name).items():
            namespace = manifest["metadata"]["namespace"]
            # What can register is there only once its identity is: a machine may be waiting.
            after = [*control_plane.ready, namespaces[namespace], *accounts.get(namespace, [])]
            made = KubernetesObject(
                f"{access.name}/{name}",
                fleet,
                manifest,
                self.child(provider=access.provider, after=after, deleted_with=access.goes_with),
            )
            if manifest["kind"] == "ServiceAccount":
                accounts.setdefault(namespace, []).append(made)
        self.done()
