"""The checks, one a file, and `ALL` of them in the order a person reads them."""

from collections.abc import Sequence

from topology.errors import VerificationError
from verification.check import Check
from verification.checks.ambient_workloads import AmbientWorkloads
from verification.checks.cluster_identity import ClusterIdentity
from verification.checks.clusters_synced import ClustersSynced
from verification.checks.endpoint_shards import EndpointShards
from verification.checks.endpoints_as_declared import EndpointsAsDeclared
from verification.checks.gateways_ready import GatewaysReady
from verification.checks.injection import Injection
from verification.checks.istioctl_analyze import IstioctlAnalyze
from verification.checks.istioctl_remote_clusters import IstioctlRemoteClusters
from verification.checks.loopback_ports import LoopbackPorts
from verification.checks.machines_as_declared import MachinesAsDeclared
from verification.checks.mesh_config import MeshConfig
from verification.checks.network_gateways import NetworkGateways
from verification.checks.node_objects import NodeObjects
from verification.checks.pods_as_declared import PodsAsDeclared
from verification.checks.pods_on_revision import PodsOnRevision
from verification.checks.proxies_accept import ProxiesAccept
from verification.checks.proxies_take_roots import ProxiesTakeRoots
from verification.checks.served_from_elsewhere import ServedFromElsewhere
from verification.checks.service_addresses import ServiceAddresses
from verification.checks.traffic import TrafficReach, TrafficRefused
from verification.checks.traffic_wire import TrafficPlaintext, TrafficWire
from verification.checks.trust import Trust
from verification.checks.virtual_machines import VirtualMachines
from verification.checks.webhook_validation import WebhookValidation

ALL: tuple[Check, ...] = (
    ClusterIdentity(),
    LoopbackPorts(),
    ClustersSynced(),
    NetworkGateways(),
    Trust(),
    ServedFromElsewhere(),
    MeshConfig(),
    EndpointShards(),
    EndpointsAsDeclared(),
    PodsAsDeclared(),
    ServiceAddresses(),
    AmbientWorkloads(),
    WebhookValidation(),
    Injection(),
    IstioctlRemoteClusters(),
    IstioctlAnalyze(),
    NodeObjects(),
    ProxiesAccept(),
    TrafficReach(),
    TrafficRefused(),
    TrafficPlaintext(),
    TrafficWire(),
    VirtualMachines(),
    MachinesAsDeclared(),
)

# Asked by `up` alone, between two stages of a change.
BETWEEN_STAGES: tuple[Check, ...] = (ProxiesTakeRoots(), PodsOnRevision(), GatewaysReady())


def named(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these names, whoever asks them. Raises VerificationError for a name that none has."""
    checks = {check.name: check for check in (*ALL, *BETWEEN_STAGES)}
    if unknown := [name for name in names if name not in checks]:
        raise VerificationError(f"no check is named {unknown[0]}; there are {', '.join(checks)}")
    return tuple(checks[name] for name in names)


__all__ = [
    "ALL",
    "BETWEEN_STAGES",
    "AmbientWorkloads",
    "ClusterIdentity",
    "ClustersSynced",
    "EndpointShards",
    "EndpointsAsDeclared",
    "GatewaysReady",
    "Injection",
    "IstioctlAnalyze",
    "IstioctlRemoteClusters",
    "LoopbackPorts",
    "MachinesAsDeclared",
    "MeshConfig",
    "NetworkGateways",
    "NodeObjects",
    "PodsAsDeclared",
    "PodsOnRevision",
    "ProxiesAccept",
    "ProxiesTakeRoots",
    "ServedFromElsewhere",
    "ServiceAddresses",
    "TrafficPlaintext",
    "TrafficReach",
    "TrafficRefused",
    "TrafficWire",
    "Trust",
    "VirtualMachines",
    "WebhookValidation",
    "named",
]
