"""What a program declares: one class for each resource type of the `meshfleet` plugin."""

from meshfleet.plugins.meshfleet.sdk.cert_managers import CertManager, CertManagerIntermediate
from meshfleet.plugins.meshfleet.sdk.certificate_authorities import (
    IntermediateCertificateAuthority,
    IssuedIntermediate,
    IssuedRoot,
    RootCertificateAuthority,
)
from meshfleet.plugins.meshfleet.sdk.cluster_identity import ClusterIdentity
from meshfleet.plugins.meshfleet.sdk.embedded_cluster import EmbeddedCluster
from meshfleet.plugins.meshfleet.sdk.embedded_node import EmbeddedNode
from meshfleet.plugins.meshfleet.sdk.gateway_address import GatewayAddress
from meshfleet.plugins.meshfleet.sdk.istiod_configmap_cleanup import IstiodConfigMapCleanup
from meshfleet.plugins.meshfleet.sdk.istiods import Istiod, IstiodAddress
from meshfleet.plugins.meshfleet.sdk.karmada import KarmadaCertificateAuthority, KarmadaHooksCleanup, KarmadaServer
from meshfleet.plugins.meshfleet.sdk.karmada_clusters import KarmadaClusters
from meshfleet.plugins.meshfleet.sdk.kind_cluster import KindCluster
from meshfleet.plugins.meshfleet.sdk.portal import Portal
from meshfleet.plugins.meshfleet.sdk.release_objects import ReleaseObjects
from meshfleet.plugins.meshfleet.sdk.remote_cluster_readiness import RemoteClusterReadiness
from meshfleet.plugins.meshfleet.sdk.remote_clusters import RemoteClusters

__all__ = [
    "CertManager",
    "CertManagerIntermediate",
    "ClusterIdentity",
    "EmbeddedCluster",
    "EmbeddedNode",
    "GatewayAddress",
    "IntermediateCertificateAuthority",
    "IssuedIntermediate",
    "IssuedRoot",
    "Istiod",
    "IstiodAddress",
    "IstiodConfigMapCleanup",
    "KarmadaCertificateAuthority",
    "KarmadaClusters",
    "KarmadaHooksCleanup",
    "KarmadaServer",
    "KindCluster",
    "Portal",
    "ReleaseObjects",
    "RemoteClusterReadiness",
    "RemoteClusters",
    "RootCertificateAuthority",
]
