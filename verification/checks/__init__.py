"""The checks, one a file, and `ALL` of them in the order a person reads them."""

from verification.check import Check
from verification.checks.ambient_workloads import AmbientWorkloads
from verification.checks.clusters_synced import ClustersSynced
from verification.checks.endpoint_shards import EndpointShards
from verification.checks.injection import Injection
from verification.checks.istioctl_analyze import IstioctlAnalyze
from verification.checks.istioctl_remote_clusters import IstioctlRemoteClusters
from verification.checks.mesh_config import MeshConfig
from verification.checks.network_gateways import NetworkGateways
from verification.checks.served_from_elsewhere import ServedFromElsewhere
from verification.checks.trust import Trust
from verification.checks.webhook_validation import WebhookValidation

ALL: tuple[Check, ...] = (
    ClustersSynced(),
    NetworkGateways(),
    Trust(),
    ServedFromElsewhere(),
    MeshConfig(),
    EndpointShards(),
    AmbientWorkloads(),
    WebhookValidation(),
    Injection(),
    IstioctlRemoteClusters(),
    IstioctlAnalyze(),
)

__all__ = [
    "ALL",
    "AmbientWorkloads",
    "ClustersSynced",
    "EndpointShards",
    "Injection",
    "IstioctlAnalyze",
    "IstioctlRemoteClusters",
    "MeshConfig",
    "NetworkGateways",
    "ServedFromElsewhere",
    "Trust",
    "WebhookValidation",
]
