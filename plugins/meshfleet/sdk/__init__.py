"""What a program declares: one class for each resource type of the `meshfleet` plugin."""

from plugins.meshfleet.sdk.certificate_authorities import (
    IntermediateCertificateAuthority,
    RootCertificateAuthority,
)
from plugins.meshfleet.sdk.cluster_identity import ClusterIdentity
from plugins.meshfleet.sdk.embedded_cluster import EmbeddedCluster
from plugins.meshfleet.sdk.embedded_node import EmbeddedNode
from plugins.meshfleet.sdk.gateways import EastWestGatewayAddress
from plugins.meshfleet.sdk.istiod_configmaps import IstiodConfigMaps
from plugins.meshfleet.sdk.istiods import Istiod, IstiodAddress
from plugins.meshfleet.sdk.release_parts import ReleaseParts
from plugins.meshfleet.sdk.remote_clusters import RemoteClusters
from plugins.meshfleet.sdk.served_clusters import ServedCluster

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
