"""The workloads of a cluster: their Services, pods and accounts, and what leads to their versions.

Source: https://istio.io/latest/docs/ops/deployment/application-requirements/
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import workloads as manifests
from meshfleet.topology import Fleet


class Workloads(Component):
    """Comes after istiod answers, which injects the pods and looks at what is of Istio, and after the namespaces.

    Pods wait for the account they run under, for the policies that say who may call them, and for the tags that lead
    their injection to a revision. What leads to versions waits for their pods.
    """

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        control_plane: ControlPlaneResources,
        namespaces: Mapping[str, pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        for name, workload in sorted(fleet.workloads_of(access.name).items()):
            ready = [*control_plane.ready, namespaces[workload.namespace]]
            first: list[pulumi.Resource] = []
            pods: list[pulumi.Resource] = []
            routes: list[pulumi.Resource] = []
            for what, body in manifests.workload_documents(fleet, access.name, name, workload).items():
                if body["kind"] == "Deployment":
                    after, beside = [*ready, *first, *control_plane.tags, *access.nodes], pods
                elif body["kind"] in manifests.ROUTES:
                    # Subsets come before the routes that name them, and go after them.
                    after, beside = [*ready, *first, *pods, *routes], routes
                else:
                    after, beside = ready, first
                made = KubernetesObject(
                    f"{access.name}/{what}",
                    fleet,
                    body,
                    self.child(provider=access.provider, after=after, deleted_with=access.goes_with),
                )
                beside.append(made)
        self.done()
