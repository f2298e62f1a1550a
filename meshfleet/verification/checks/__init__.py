"""The checks, one per file, and `ALL` in display order."""

from collections.abc import Sequence

from meshfleet.errors import VerificationError
from meshfleet.verification.check import Check
from meshfleet.verification.checks.ambient_workloads import AmbientWorkloads
from meshfleet.verification.checks.cluster_identity import ClusterIdentity
from meshfleet.verification.checks.clusters_synced import ClustersSynced
from meshfleet.verification.checks.endpoint_shards import EndpointShards
from meshfleet.verification.checks.endpoints_as_declared import EndpointsAsDeclared
from meshfleet.verification.checks.federated_services import FederatedServices
from meshfleet.verification.checks.gateways_ready import GatewaysReady
from meshfleet.verification.checks.identities import Identities
from meshfleet.verification.checks.injection import Injection
from meshfleet.verification.checks.istioctl_analyze import IstioctlAnalyze
from meshfleet.verification.checks.istioctl_remote_clusters import IstioctlRemoteClusters
from meshfleet.verification.checks.loopback_ports import LoopbackPorts
from meshfleet.verification.checks.machines_as_declared import MachinesAsDeclared
from meshfleet.verification.checks.mesh_config import MeshConfig
from meshfleet.verification.checks.network_gateways import NetworkGateways
from meshfleet.verification.checks.node_objects import NodeObjects
from meshfleet.verification.checks.pods_as_declared import PodsAsDeclared
from meshfleet.verification.checks.pods_on_revision import PodsOnRevision
from meshfleet.verification.checks.portal import Portal
from meshfleet.verification.checks.propagated_objects import PropagatedObjects
from meshfleet.verification.checks.proxies_synced import ProxiesSynced
from meshfleet.verification.checks.proxies_take_roots import ProxiesTakeRoots
from meshfleet.verification.checks.remote_control_plane import RemoteControlPlane
from meshfleet.verification.checks.service_addresses import ServiceAddresses
from meshfleet.verification.checks.traffic import TrafficReach, TrafficRefused
from meshfleet.verification.checks.traffic_wire import TrafficPlaintext, TrafficWire
from meshfleet.verification.checks.trust import Trust
from meshfleet.verification.checks.virtual_machines import VirtualMachines
from meshfleet.verification.checks.webhook_validation import WebhookValidation

ALL: tuple[Check, ...] = (
    ClusterIdentity(),
    Identities(),
    Portal(),
    LoopbackPorts(),
    ClustersSynced(),
    NetworkGateways(),
    Trust(),
    RemoteControlPlane(),
    MeshConfig(),
    EndpointShards(),
    EndpointsAsDeclared(),
    FederatedServices(),
    PodsAsDeclared(),
    ServiceAddresses(),
    AmbientWorkloads(),
    WebhookValidation(),
    Injection(),
    IstioctlRemoteClusters(),
    IstioctlAnalyze(),
    NodeObjects(),
    ProxiesSynced(),
    TrafficReach(),
    TrafficRefused(),
    TrafficPlaintext(),
    TrafficWire(),
    VirtualMachines(),
    MachinesAsDeclared(),
    PropagatedObjects(),
)

# Run only by `up`, between two stages of a change.
BETWEEN_STAGES: tuple[Check, ...] = (ProxiesTakeRoots(), PodsOnRevision(), GatewaysReady())


def named(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of `verify` and `up` with these names. Raises VerificationError for an unknown name."""
    checks = {check.name: check for check in (*ALL, *BETWEEN_STAGES)}
    if unknown := [name for name in names if name not in checks]:
        raise VerificationError(f"there is no check {unknown[0]}; the checks are {', '.join(checks)}")
    return tuple(checks[name] for name in names)


__all__ = [
    "ALL",
    "BETWEEN_STAGES",
    "AmbientWorkloads",
    "ClusterIdentity",
    "ClustersSynced",
    "EndpointShards",
    "EndpointsAsDeclared",
    "FederatedServices",
    "GatewaysReady",
    "Identities",
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
    "Portal",
    "PropagatedObjects",
    "ProxiesSynced",
    "ProxiesTakeRoots",
    "RemoteControlPlane",
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
