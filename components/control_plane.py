"""A cluster's own Istio control plane: the charts base and istiod, and istiod itself.

On a cluster whose pods run, the chart's Deployment is istiod. Where they are simulated, istiod is a process beside
the cluster, and the charts make the API server call that process's webhooks.
Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.helm_release import HelmRelease, helm_release
from components.trust import TrustResources
from manifests import control_plane as manifests
from manifests.objects import ISTIO_SYSTEM
from plugins.meshfleet.sdk import Istiod, IstiodAddress
from topology import Fleet


def webhooks_at(fleet: Fleet, cluster: str, address: IstiodAddress) -> manifests.Webhooks:
    """The URLs of the webhooks of an istiod process; known once its ports are reserved."""
    return manifests.Webhooks(
        injection=pulumi.Output.concat(address.webhook_url, manifests.injection_path(fleet, cluster)),
        validation=pulumi.Output.concat(address.webhook_url, manifests.VALIDATION_PATH),
    )


@dataclass(frozen=True)
class ControlPlaneResources:
    """`ready` is what to wait for before anything needs istiod to answer."""

    base: HelmRelease
    istiod: HelmRelease
    process: Istiod | None

    @property
    def ready(self) -> pulumi.Resource:
        """The resource that is done when istiod answers."""
        return self.process or self.istiod


class ControlPlane(Component):
    """Brings up istiod for one cluster, after its namespace and its `cacerts`.

    `roots` are the fingerprints of the roots in its `cacerts`: with others its pods are made anew.
    """

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        namespace: pulumi.Resource,
        trust: TrustResources,
        roots: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster = access.name
        address = self._reserve(fleet, cluster) if fleet.clusters[cluster].simulated else None
        webhooks = webhooks_at(fleet, cluster, address) if address else None

        def in_cluster(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(provider=access.provider, after=after, deleted_with=access.goes_with)

        base = helm_release(
            f"{cluster}/istio-base", fleet, cluster, manifests.base(fleet, webhooks), in_cluster(namespace)
        )
        istiod = helm_release(
            f"{cluster}/istiod",
            fleet,
            cluster,
            manifests.istiod(fleet, cluster, webhooks, roots),
            in_cluster(base, trust.cacerts),
        )
        process = self._process(fleet, access, address, trust, istiod) if address else None
        self.resources = ControlPlaneResources(base, istiod, process)
        self.debug_url: pulumi.Output[str] | None = process.debug_url if process else None
        self.done()

    def _reserve(self, fleet: Fleet, cluster: str) -> IstiodAddress:
        return IstiodAddress(
            f"{cluster}/istiod-address",
            fleet=fleet.name,
            cluster=cluster,
            revision=fleet.istio.revision,
            opts=self.child(),
        )

    def _process(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        address: IstiodAddress,
        trust: TrustResources,
        chart: HelmRelease,
    ) -> Istiod:
        mesh = fleet.mesh_of(access.name)
        authority = trust.intermediate
        return Istiod(
            f"{access.name}/istiod-process",
            fleet=fleet.name,
            cluster=access.name,
            revision=fleet.istio.revision,
            network=fleet.clusters[access.name].network,
            namespace=ISTIO_SYSTEM,
            mesh_id=mesh,
            trust_domain=fleet.meshes[mesh].trust_domain,
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            address={
                "httpPort": address.http_port,
                "monitoringPort": address.monitoring_port,
                "grpcPort": address.grpc_port,
                "secureGrpcPort": address.secure_grpc_port,
                "httpsPort": address.https_port,
            },
            certificate_authority={
                "caCertificate": authority.certificate,
                "caKey": authority.private_key,
                "certificateChain": authority.certificate_chain,
                "rootCertificate": trust.bundle,
            },
            settings=manifests.istiod_settings(),
            opts=self.child(after=[chart]),
        )
