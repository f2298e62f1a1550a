"""istiod as a process beside a cluster whose pods are simulated, and the URLs of its webhooks.

Source: https://istio.io/latest/docs/reference/commands/pilot-discovery/
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.trust import TrustResources
from meshfleet.manifests import control_plane as manifests
from meshfleet.manifests.added_values import process_settings
from meshfleet.plugins.meshfleet.sdk import Istiod, IstiodAddress
from meshfleet.topology import Fleet
from meshfleet.versions import further_istio


def webhooks_at(fleet: Fleet, cluster: str, address: IstiodAddress) -> manifests.Webhooks:
    """The URLs by which `cluster` finds the webhooks of an istiod process; known once its ports are reserved."""
    return manifests.Webhooks(
        injection=pulumi.Output.concat(address.webhook_url, manifests.injection_path(fleet, cluster)),
        validation=pulumi.Output.concat(address.webhook_url, manifests.VALIDATION_PATH),
    )


def process_address(component: Component, fleet: Fleet, cluster: str, revision: str) -> IstiodAddress:
    """Reserve the ports of a revision of the istiod that carries the name of `cluster`."""
    return IstiodAddress(
        f"{cluster}/{manifests.istiod_service(revision)}-address",
        fleet=fleet.name,
        cluster=cluster,
        revision=revision,
        opts=component.child(),
    )


def start_process(
    component: Component,
    fleet: Fleet,
    host: ClusterAccess,
    revision: str,
    address: IstiodAddress,
    trust: TrustResources,
    *,
    after: Sequence[pulumi.Resource],
    config_kubeconfig: pulumi.Output[str] | None = None,
) -> Istiod:
    """Start a revision of the istiod whose authority `trust` is, as a process beside the cluster `host`.

    `config_kubeconfig`, a secret, is given for an external istiod: it leads to the cluster whose name it carries.
    """
    cluster = trust.cluster
    mesh = fleet.mesh_of(cluster)
    authority = trust.intermediate
    return Istiod(
        f"{cluster}/{manifests.istiod_service(revision)}-process",
        fleet=fleet.name,
        cluster=cluster,
        revision=revision,
        network=fleet.clusters[cluster].network,
        namespace=fleet.system_namespace(cluster),
        mesh_id=mesh,
        trust_domain=fleet.meshes[mesh].trust_domain,
        kubeconfig=host.kubeconfig,
        context=host.context or None,
        config_kubeconfig=config_kubeconfig,
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
        settings=process_settings(fleet, cluster, revision),
        release=further_istio(fleet.istio.version_of(revision)) or None,
        opts=component.child(after=after),
    )
