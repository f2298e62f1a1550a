"""A cluster whose control plane runs as processes on this machine.

Source: https://kwok.sigs.k8s.io/docs/user/kwokctl-manage-cluster/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess, kubernetes_provider
from meshfleet.components.component import Component
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.plugins.meshfleet.sdk import EmbeddedCluster as EmbeddedClusterResource
from meshfleet.plugins.meshfleet.sdk import EmbeddedNode
from meshfleet.providers.embedded.settings import Embedded
from meshfleet.topology import Fleet


def create(
    fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile | None, opts: pulumi.ResourceOptions
) -> ClusterAccess:
    """Register the cluster (`meshfleet.providers.creation.Create`)."""
    return EmbeddedCluster(fleet, cluster, opts).access


class EmbeddedCluster(Component):
    """etcd, the API server, the controller manager, the scheduler and KWOK's nodes; `access` reaches it."""

    def __init__(self, fleet: Fleet, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        declared = fleet.clusters[cluster]
        embedded = declared.settings(Embedded)
        processes = embedded.pods == "processes"
        control_plane = EmbeddedClusterResource(
            f"{cluster}/processes",
            fleet=fleet.name,
            name=cluster,
            kubernetes_version=fleet.kubernetes.version,
            nodes=0 if processes else embedded.nodes,
            pod_cidr=str(declared.pod_cidr) if declared.pod_cidr else None,
            service_cidr=str(declared.service_cidr) if declared.service_cidr else None,
            region=declared.region or None,
            zone=declared.zone or None,
            opts=self.child(),
        )
        pods: pulumi.Input[str] = "simulated"
        nodes: list[pulumi.Resource] = [control_plane]
        if processes:
            node = EmbeddedNode(
                f"{cluster}/node",
                fleet=fleet.name,
                cluster=cluster,
                network=declared.network,
                kubeconfig=control_plane.kubeconfig,
                pod_cidr=str(declared.pod_cidr) if declared.pod_cidr else None,
                region=declared.region or None,
                zone=declared.zone or None,
                opts=self.child(),
            )
            nodes.append(node)
            # `running`, or why pods are simulated all the same.
            pods = node.state.apply(lambda state: "processes" if state == "running" else state)
        provider = kubernetes_provider(
            cluster, f"{fleet.name}/{cluster}", control_plane.kubeconfig, "", self.child(), wholly_ours=True
        )
        self.access = ClusterAccess(
            name=cluster,
            kubeconfig=control_plane.kubeconfig,
            context="",
            server=control_plane.server,
            identity=control_plane.identity,
            provider=provider,
            goes_with=control_plane,
            pods=pods,
            nodes=nodes,
        )
        self.done({"server": control_plane.server})
