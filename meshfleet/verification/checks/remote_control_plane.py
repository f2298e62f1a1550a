"""A remote cluster is served by its declared control plane: certificates, webhooks and roots come from that istiod.

Source: pilot/pkg/serviceregistry/kube/controller/multicluster.go (initializeCluster, checkShouldLead): only an istiod
whose cluster is named in the annotation `topology.istio.io/controlPlaneClusters` writes into another cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from lightkube import ApiError
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration
from lightkube.resources.core_v1 import Namespace

from meshfleet.manifests.control_plane import injection_webhook
from meshfleet.manifests.namespaces import CONTROL_PLANES
from meshfleet.verification.bundle import certificates, fingerprint
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision


@dataclass(frozen=True)
class Injector:
    """The injection webhook of a cluster: the targets of its entries, and the CA bundles."""

    targets: frozenset[str]
    bundles: frozenset[str]


class RemoteControlPlane(Check):
    """Reads the annotation of Istio's namespace and the injection webhook of clusters without a local istiod."""

    name = "remote-control-plane"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        remote = [cluster for cluster in fleet.clusters if cluster.control_plane.kind != "own"]
        return tuple(each for cluster in remote for each in of_each_revision(cluster))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        namespace = cluster.control_plane.namespace
        with reach(cluster, timeout) as client:
            try:
                found = client.get(Namespace, namespace)
                configuration = client.get(MutatingWebhookConfiguration, webhook_name(cluster))
            except ApiError as error:
                if error.status.code != 404:
                    raise
                return Finding(False, f"{cluster.name}: {error.status.message}; run `meshfleet up`")
        configs = [webhook.clientConfig for webhook in configuration.webhooks or []]
        injector = Injector(
            targets=frozenset(
                config.url or (f"Service {config.service.namespace}/{config.service.name}" if config.service else "")
                for config in configs
            ),
            bundles=frozenset(config.caBundle or "" for config in configs),
        )
        annotations = (found.metadata.annotations if found.metadata else None) or {}
        return judge(fleet, cluster, annotations, injector)


def webhook_name(cluster: ClusterView) -> str:
    """The name of the injection webhook of the cluster's revision."""
    return injection_webhook(cluster.control_plane.revision, cluster.control_plane.namespace)


def judge(fleet: FleetView, cluster: ClusterView, annotations: Mapping[str, str], injector: Injector) -> Finding:
    """Whether `cluster` is annotated with its primary, and its webhook trusts exactly the roots of the mesh.

    Raises CertificateError when the CA bundle is not a certificate.
    """
    primary = fleet.primary_of(cluster)
    if primary is not cluster:
        named = annotations.get(CONTROL_PLANES, "")
        if primary.name not in named.split(","):
            return Finding(
                False,
                f"namespace {cluster.control_plane.namespace} of {cluster.name} has {CONTROL_PLANES} "
                f"{named or 'unset'}, expected {primary.name}: its istiod does not manage this cluster; "
                "run `meshfleet up`",
            )
    if "" in injector.bundles or not injector.bundles:
        return Finding(
            False,
            f"{webhook_name(cluster)} of {cluster.name} has no caBundle: the istiod of {primary.name} has not patched "
            f"it; check that {primary.name} has a remote secret for {cluster.name}",
        )
    mesh = fleet.mesh(cluster.mesh)
    trusted = {
        fingerprint(certificate)
        for bundle in injector.bundles
        for certificate in certificates(base64.b64decode(bundle), f"caBundle of {webhook_name(cluster)}")
    }
    if trusted != set(mesh.bundle):
        return Finding(
            False,
            f"{webhook_name(cluster)} of {cluster.name} does not trust the roots of mesh {mesh.name}: "
            f"the istiod of {primary.name} has not patched it since they changed",
        )
    home = fleet.istiod_host_of(cluster)
    where = f"of {primary.name}" + (f", which runs in {home.name}," if home is not primary else "")
    return Finding(True, f"the istiod {where} serves {cluster.name} through {', '.join(sorted(injector.targets))}")
