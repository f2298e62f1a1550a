"""What a program declares: one class for each resource type of the `meshfleet` plugin."""

from meshfleet.plugins.meshfleet.sdk.certificate_authorities import (
    IntermediateCertificateAuthority,
    RootCertificateAuthority,
)
from meshfleet.plugins.meshfleet.sdk.cluster_identity import ClusterIdentity
from meshfleet.plugins.meshfleet.sdk.embedded_cluster import EmbeddedCluster
from meshfleet.plugins.meshfleet.sdk.embedded_node import EmbeddedNode
from meshfleet.plugins.meshfleet.sdk.gateways import EastWestGatewayAddress
from meshfleet.plugins.meshfleet.sdk.istiod_configmaps import IstiodConfigMaps
from meshfleet.plugins.meshfleet.sdk.istiods import Istiod, IstiodAddress
from meshfleet.plugins.meshfleet.sdk.release_parts import ReleaseParts
from meshfleet.plugins.meshfleet.sdk.remote_clusters import RemoteClusters
from meshfleet.plugins.meshfleet.sdk.served_clusters import ServedCluster

__all__ = [
    "ClusterIdentity",
    "EastWestGatewayAddress",
    "EmbeddedCluster",
    "EmbeddedNode",
    "IntermediateCertificateAuthority",
    "Istiod",
    "IstiodAddress",
    "IstiodConfigMaps",
    "ReleaseParts",
    "RemoteClusters",
    "RootCertificateAuthority",
    "ServedCluster",
]
