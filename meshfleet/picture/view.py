"""What a picture of a fleet shows, and how it follows from the topology and from the running fleet.

All texts are shown as they are, shortened where a box is too small; an empty text is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from meshfleet.federation.propagated import propagations
from meshfleet.manifests.gateways import reached_at
from meshfleet.topology import Fleet


@dataclass(frozen=True)
class GatewayPicture:
    """An east-west gateway; `address` is empty until it is assigned.

    One that is not `into_network` leads to control planes alone.
    """

    port: int
    address: str = ""
    into_network: bool = True


@dataclass(frozen=True)
class ControlPlanePicture:
    """Where a cluster's istiod runs: `own`, `remote` or `external`; `of` names the cluster serving it."""

    kind: str = "own"
    of: str = ""
    revision: str = ""


@dataclass(frozen=True)
class VirtualMachinePicture:
    """A workload outside Kubernetes that belongs to the mesh through one cluster."""

    name: str
    address: str = ""


@dataclass(frozen=True)
class ObjectPicture:
    """An object that a propagation places in a cluster; `replicas` is None for a kind without."""

    kind: str
    name: str
    namespace: str = ""
    replicas: int | None = None


@dataclass(frozen=True)
class ClusterPicture:
    """One cluster. `verified` is None while no verification has looked at it.

    `authority` says whether an intermediate of its name is issued: not where another cluster's istiod serves it.
    `read_by` are the clusters whose control planes discover it; None where all of a mesh discover each other.
    """

    name: str
    role: str = "member"
    provider: str = ""
    region: str = ""
    zone: str = ""
    kubernetes: str = ""
    data_plane: str = "sidecar"
    control_plane: ControlPlanePicture = field(default_factory=ControlPlanePicture)
    gateway: GatewayPicture | None = None
    virtual_machines: tuple[VirtualMachinePicture, ...] = ()
    verified: bool | None = None
    authority: bool = True
    read_by: tuple[str, ...] | None = None
    propagated: tuple[ObjectPicture, ...] = ()
    portal: bool = False


@dataclass(frozen=True)
class NetworkPicture:
    """What of one mesh reaches each other directly: clusters, or machines alone and the gateways to them."""

    name: str
    clusters: tuple[ClusterPicture, ...]
    machines: tuple[VirtualMachinePicture, ...] = ()
    gateways: tuple[GatewayPicture, ...] = ()


@dataclass(frozen=True)
class MeshPicture:
    """One mesh: its root, and its clusters by network. `model` is the deployment model in Istio's words."""

    name: str
    networks: tuple[NetworkPicture, ...]
    model: str = ""
    trust_domain: str = ""
    algorithm: str = ""
    root_not_after: str = ""


@dataclass(frozen=True)
class FleetPicture:
    """A whole fleet; `facts` are short texts for the line under its name, such as `Istio 1.31`."""

    name: str
    meshes: tuple[MeshPicture, ...]
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Running:
    """What is known of a running fleet: gateways and verdicts by cluster, the root's end by mesh."""

    gateways: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    verified: Mapping[str, bool] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)


def from_fleet(fleet: Fleet, status: Running | None = None) -> FleetPicture:
    """The picture of a declared fleet, with addresses and verdicts where `status` has them."""
    known = status or Running()
    return FleetPicture(
        name=fleet.name,
        meshes=tuple(_mesh(fleet, mesh, known) for mesh in fleet.meshes if fleet.members_of(mesh)),
        facts=(f"Istio {fleet.istio.version}",),
    )


def _mesh(fleet: Fleet, mesh: str, status: Running) -> MeshPicture:
    members = fleet.members_of(mesh)
    networks = tuple(_network(fleet, network, members, status) for network in fleet.networks_of(mesh))
    return MeshPicture(
        name=mesh,
        networks=networks,
        model=fleet.model_of(mesh),
        trust_domain=fleet.meshes[mesh].trust_domain,
        algorithm=fleet.meshes[mesh].trust.algorithm,
        root_not_after=status.roots.get(mesh, ""),
    )


def _network(fleet: Fleet, network: str, members: Iterable[str], status: Running) -> NetworkPicture:
    if not fleet.has_machines_alone(network):
        on_it = [name for name in members if fleet.clusters[name].network == network]
        return NetworkPicture(network, tuple(_cluster(fleet, name, status) for name in on_it))
    return NetworkPicture(
        name=network,
        clusters=(),
        machines=_machines(fleet, lambda name: fleet.machine_network(name) == network),
        gateways=tuple(GatewayPicture(one.port, one.address) for one in fleet.networks[network].gateways),
    )


def _cluster(fleet: Fleet, name: str, status: Running) -> ClusterPicture:
    cluster = fleet.clusters[name]
    # The version of a cluster that was there before is its owner's business.
    return ClusterPicture(
        name=name,
        role=fleet.role(name),
        provider=cluster.provider,
        region=cluster.region,
        zone=cluster.zone,
        kubernetes=fleet.kubernetes.version if cluster.capabilities.ends_with_stack else "",
        data_plane=cluster.data_plane,
        control_plane=ControlPlanePicture(
            kind=cluster.control_plane.kind, of=cluster.control_plane.of, revision=fleet.istio.revision
        ),
        gateway=_gateway(fleet, name, status),
        virtual_machines=_machines(
            fleet,
            lambda machines: (
                fleet.virtual_machines[machines].cluster == name
                and not fleet.has_machines_alone(fleet.machine_network(machines))
            ),
        ),
        verified=status.verified.get(name),
        authority=fleet.is_primary(name),
        read_by=fleet.readers_of(name) if fleet.restricts_discovery(fleet.mesh_of(name)) else None,
        propagated=_propagated(fleet, name),
        portal=fleet.portal is not None and fleet.role(name) == "host",
    )


def _propagated(fleet: Fleet, cluster: str) -> tuple[ObjectPicture, ...]:
    """What propagations place in a cluster: what runs pods first, each in the order of the stack file."""
    found = [
        ObjectPicture(one.key.kind, one.key.name, one.key.namespace, (one.replicas or {}).get(cluster))
        for one in propagations(fleet).of(cluster)
    ]
    return tuple(sorted(found, key=lambda one: one.replicas is None))


def _machines(fleet: Fleet, drawn: Callable[[str], bool]) -> tuple[VirtualMachinePicture, ...]:
    return tuple(
        VirtualMachinePicture(name, ", ".join(declared.addresses))
        for name, declared in fleet.virtual_machines.items()
        if drawn(name)
    )


def _gateway(fleet: Fleet, name: str, status: Running) -> GatewayPicture | None:
    if not fleet.has_east_west_gateway(name):
        return None
    address, port = status.gateways.get(name, ("", reached_at(fleet, name)))
    return GatewayPicture(port=port, address=address, into_network=fleet.is_network_gateway(name))
