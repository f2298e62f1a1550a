"""A kind cluster on this machine.

Source: https://kind.sigs.k8s.io/docs/user/quick-start/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess, kubernetes_provider
from meshfleet.components.component import Component
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.containers.images.component import cert_manager_images
from meshfleet.manifests.load_balancing import node_addresses_of
from meshfleet.plugins.meshfleet.sdk import ClusterIdentity
from meshfleet.plugins.meshfleet.sdk import KindCluster as KindClusterResource
from meshfleet.providers.kind.settings import Kind
from meshfleet.topology import Fleet


def create(
    fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile | None, opts: pulumi.ResourceOptions
) -> ClusterAccess:
    """Register the cluster (`meshfleet.providers.creation.Create`)."""
    return KindCluster(fleet, cluster, opts).access


class KindCluster(Component):
    """The containers, and which cluster they are; `access` reaches it at the address of its node."""

    def __init__(self, fleet: Fleet, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        declared = fleet.clusters[cluster]
        settings = declared.settings(Kind)
        addresses = node_addresses_of(fleet, cluster)
        installed = fleet.cert_manager_of(cluster) if settings.images == "built" else None
        nodes = KindClusterResource(
            f"{cluster}/nodes",
            fleet=fleet.name,
            name=cluster,
            network=declared.network,
            kubernetes_version=fleet.kubernetes.version,
            nodes=settings.nodes,
            images=settings.images,
            image=settings.image or None,
            socket=settings.docker.socket or None,
            pod_cidr=str(declared.pod_cidr) if declared.pod_cidr else None,
            service_cidr=str(declared.service_cidr) if declared.service_cidr else None,
            region=declared.region or None,
            zone=declared.zone or None,
            addresses=addresses,
            later_images=list(cert_manager_images(f"v{installed.version}")) if installed else None,
            opts=self.child(),
        )
        identity = ClusterIdentity(
            f"{cluster}/identity",
            cluster=cluster,
            kubeconfig=nodes.kubeconfig,
            # Of another cluster of the same nodes there is another identity.
            opts=self.child(deleted_with=nodes),
        )
        # Only through it, so that nothing is touched in a cluster that is not the recorded one.
        kubeconfig: pulumi.Output[str] = pulumi.Output.secret(identity.kubeconfig)
        self.access = ClusterAccess(
            name=cluster,
            kubeconfig=kubeconfig,
            context="",
            server=nodes.server,
            identity=identity.identity,
            provider=kubernetes_provider(
                cluster, f"{fleet.name}/{cluster}", kubeconfig, "", self.child(), wholly_ours=True
            ),
            goes_with=nodes,
            pods="real",
            nodes=[nodes],
            addresses=nodes.gateway_addresses if addresses else None,
        )
        self.done({"server": nodes.server})
