"""The whole status: every field that `meshfleet status --json` prints."""

from __future__ import annotations

from typing import Any, Literal

from meshfleet.status.clusters import Cluster
from meshfleet.status.deployed import DeployedMesh, DeployedRoot, DeployedStatus
from meshfleet.status.model import Items, Moment, Name, Port, StatusModel
from meshfleet.status.portal import Portal
from meshfleet.status.propagations import Eviction, Propagation


class NetworkGateway(StatusModel):
    """A gateway into a network that the stack declares, since no cluster has a Service for it."""

    network: Name
    """The network that it leads into."""
    address: Name
    """Its IP address or DNS name."""
    port: Port
    """The port at which it takes mutual TLS."""


class RootNamespaceObject(StatusModel):
    """An object of the root namespace that the stack declares for a whole mesh."""

    kind: Name
    """The kind of the object."""
    name: Name
    """The name of the object."""
    spec: dict[str, Any]
    """Its spec, as it was applied."""


class MeshSettings(StatusModel):
    """What the control planes of a mesh are configured with."""

    mesh_config: dict[str, Any]
    """The part of Istio's mesh configuration that the stack declares."""
    objects: Items[RootNamespaceObject]
    """The objects of the root namespace."""


class Root(DeployedRoot):
    """A root certificate of a mesh."""

    fingerprint: Name
    """The SHA-256 of the certificate (DER), in hex digits."""
    not_after: Moment | None
    """When it expires."""


class Mesh(DeployedMesh):
    """A mesh: its deployment model, its settings and its roots."""

    trust_domain: Name
    """The SPIFFE trust domain."""
    model: str
    """The deployment model in Istio's words, such as `multi-primary, several networks`."""
    settings: MeshSettings
    """What its control planes are configured with."""
    network_gateways: Items[NetworkGateway]
    """The gateways into its networks that the stack declares."""
    root_fingerprint: str | None
    """The fingerprint of the root that signs."""
    root_not_after: Moment | None
    """When the root that signs expires."""
    roots: Items[Root]
    """The roots that are trusted; empty in a status of before roots had names."""
    signing: str | None
    """The name of the root that signs; null in a status of before roots had names."""
    trust: str
    """Which roots are trusted and which one signs, in words."""


class VirtualMachinePort(StatusModel):
    """A port that the workload on virtual machines listens at."""

    name: Name
    """The name of the port."""
    port: Port
    """Its number."""
    protocol: Name
    """HTTP, HTTP2, GRPC or TCP."""


class VirtualMachine(StatusModel):
    """Virtual machines that join a mesh: a group of one name."""

    name: Name
    """The name of the group."""
    namespace: Name
    """The namespace they are of."""
    cluster: Name
    """The cluster whose control plane they join."""
    control_plane: Name
    """The primary of that cluster, which has their WorkloadEntries."""
    network: str
    """The network they are on."""
    service_account: str
    """The ServiceAccount that is their identity."""
    labels: dict[str, str]
    """Their labels."""
    selector: dict[str, str]
    """The labels that their Service or ServiceEntry selects them by."""
    locality: str
    """Their locality, `region/zone/subzone`; empty where none is declared."""
    ports: Items[VirtualMachinePort]
    """The ports they are called at."""
    host: str | None
    """The name they are called by; null where they have no ports."""
    group: str | None
    """The WorkloadGroup through which they register themselves; null where their addresses are fixed."""
    addresses: Items[str]
    """Their fixed addresses."""


class Status(DeployedStatus):
    """The status of a fleet as `meshfleet status --json` prints it."""

    version: Literal[1]
    """The version of this document; it grows when fields change."""
    stack: Name
    """The stack, as Pulumi knows it."""
    clusters: Items[Cluster]
    """The clusters."""
    meshes: Items[Mesh]
    """The meshes."""
    virtual_machines: Items[VirtualMachine]
    """The groups of virtual machines."""
    propagations: Items[Propagation] = ()
    """Where the objects of the user's propagations are placed; empty where there are none."""
    evictions: Items[Eviction] = ()
    """The shares of propagations that are elsewhere for now; empty where there are none."""
    evictions_before: Items[Eviction] | None = None
    """The same of before a move that is under way, so that both placements are held; null where none is."""
    portal: Portal | None = None
    """The API portal; null without one."""

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name. Raises KeyError when the status does not have it."""
        return {cluster.name: cluster for cluster in self.clusters}[name]
