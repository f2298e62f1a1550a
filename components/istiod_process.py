"""istiod as a process beside a cluster whose pods are simulated, and the ports of its webhooks.

Source: https://istio.io/latest/docs/reference/commands/pilot-discovery/
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.registration import Registration
from meshfleet.components.trust import TrustResources
from meshfleet.manifests.added_values import process_settings
from meshfleet.manifests.names import istiod_service
from meshfleet.plugins.meshfleet.sdk import Istiod, IstiodAddress
from meshfleet.topology import Fleet
from meshfleet.versions import further_istio


def process_addresses(component: Component, registration: Registration, cluster: str) -> dict[str, IstiodAddress]:
    """Reserve the ports of each revision of the istiod that is registered with `cluster`; none where it is a pod."""
    fleet = registration.fleet
    if fleet.clusters[fleet.hosting(cluster)].capabilities.istiod_runtime == "pod":
        return {}
    addresses = {
        revision: IstiodAddress(
            f"{cluster}/{istiod_service(revision)}-address",
            fleet=fleet.name,
            cluster=cluster,
            revision=revision,
            opts=component.child(),
        )
        for revision in fleet.istio.installed
    }
    registration.known.istiod_addresses[cluster] = addresses
    return addresses


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
        f"{cluster}/{istiod_service(revision)}-process",
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
