"""The view of a fleet that checks use: names, addresses and endpoints; no secrets, only paths to kubeconfigs.

`read_fleet` builds it from the output of `meshfleet status --json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from meshfleet.errors import VerificationError
from meshfleet.identities.portal_access import PortalPlace
from meshfleet.topology.discovery import discovers
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.gateways import advertised_to
from meshfleet.topology.identities import Decision
from meshfleet.verification.injected_view import InjectedView
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.propagated_view import PropagatedView
from meshfleet.verification.workload_view import WorkloadView
from meshfleet.workspace.home import Workspace


@dataclass(frozen=True)
class ControlPlaneView:
    """The control plane of a cluster.

    `of` is the cluster itself if `kind` is own, its primary if it is remote, and the cluster that runs its istiod if it
    is external. `debug_url` is the address of istiod's debug API, without the path; only a cluster whose istiod is
    registered with its cluster ID has one. Workloads are on `revision`; `others` are the other installed revisions.
    """

    kind: Literal["own", "remote", "external"]
    of: str
    revision: str = "default"
    debug_url: str | None = None
    namespace: str = "istio-system"
    gateway_revision: str = ""
    others: tuple[ControlPlaneView, ...] = ()


@dataclass(frozen=True)
class AdvertisedView:
    """An address and ports at which the clusters of `to` reach a gateway; with an empty `to` all others."""

    address: str
    port: int
    istiod_port: int = 15012
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class GatewayView:
    """A gateway into a network as other networks reach it: an IP address or a host name, and the mTLS port.

    `named` if the fleet published the host name itself, so that it may not resolve elsewhere. `network` is the network
    that the gateway exposes; empty for the network of its cluster, from which it differs only while the cluster moves.
    `istiod_port` leads to an istiod behind it. `advertised` are the places at which it is reached by the clusters that
    each names, and by others for none, where those are not the address of its Service.
    """

    address: str
    port: int = 15443
    named: bool = False
    network: str = ""
    istiod_port: int = 15012
    advertised: tuple[AdvertisedView, ...] = ()

    def seen_by(self, viewer: str) -> AdvertisedView | None:
        """Where a cluster reaches it; None for the address of its Service."""
        return advertised_to(self.advertised, viewer)


@dataclass(frozen=True)
class FederatedView:
    """A Service that a cluster imports: the name of clusterset.local, and the clusters whose pods answer for it."""

    host: str
    providers: tuple[str, ...]


@dataclass(frozen=True)
class ClusterView:
    """One cluster of the fleet; checks read `kubeconfig` and never print it.

    `pods` is `real`, `processes`, or `simulated`, with the reason if they are declared as processes. `read_by` are the
    other clusters whose control planes discover it; None for all of its mesh. `ingress_services` are the Services of
    its ingress gateways, `namespace/name`.
    """

    name: str
    role: str
    mesh: str
    network: str
    kubeconfig: Path
    control_plane: ControlPlaneView
    region: str = ""
    zone: str = ""
    data_plane: str = "sidecar"
    context: str | None = None
    gateway: GatewayView | None = None
    ingress_services: frozenset[str] = frozenset()
    injected_namespaces: tuple[str, ...] = ()
    local: bool = True
    pods: str = "real"
    workloads: tuple[WorkloadView, ...] = ()
    federated: tuple[FederatedView, ...] = ()
    injected: InjectedView = field(default_factory=InjectedView)
    read_by: tuple[str, ...] | None = None

    @property
    def gateway_network(self) -> str:
        """The network that the gateway exposes; empty without a gateway."""
        return (self.gateway.network or self.network) if self.gateway else ""

    @property
    def ca_address(self) -> str:
        """Where its proxies request certificates if not from its istiod, which signs none then: from istio-csr."""
        return str(self.injected.workloads.get("caAddress", ""))


@dataclass(frozen=True)
class RootObject:
    """An object in the root namespace that the stack declares for a mesh."""

    kind: str
    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class DeclaredGateway:
    """A gateway into a network that the stack declares explicitly, without a Service in any cluster."""

    network: str
    address: str
    port: int


@dataclass(frozen=True)
class MeshView:
    """One mesh, and the SHA-256 of its root certificates (DER), 64 lower-case hex digits each.

    `root_fingerprint` is that of the signing root, `other_roots` are the other trusted roots. `mesh_config` is
    the part of Istio's mesh configuration that the stack declares.
    """

    name: str
    trust_domain: str
    root_fingerprint: str | None
    other_roots: tuple[str, ...] = ()
    mesh_config: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[RootObject, ...] = ()
    network_gateways: tuple[DeclaredGateway, ...] = ()

    @property
    def bundle(self) -> tuple[str, ...]:
        """All roots in the order of `root-cert.pem`: the signing root first."""
        return (*((self.root_fingerprint,) if self.root_fingerprint else ()), *self.other_roots)


@dataclass(frozen=True)
class FleetView:
    """A running fleet as checks see it; `tools` is the directory of `istioctl`.

    `home` is the directory with the state of its processes on this machine; None if unknown. `decisions` tell which
    clusters the stack file refers to now; empty if the stack file was not read. `propagated` is what propagations place
    in each cluster by that stack file, and `declared` is its fleet; None if it was not read. `portal` is where the API
    portal is; None without one.
    """

    stack: str
    clusters: tuple[ClusterView, ...]
    meshes: tuple[MeshView, ...]
    tools: Path
    home: Path | None = None
    virtual_machines: tuple[MachineView, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    propagated: Mapping[str, PropagatedView] = field(default_factory=dict)
    declared: Fleet | None = None
    portal: PortalPlace | None = None

    def workspace(self) -> Workspace:
        """The workspace of its processes. Raises VerificationError when it is unknown."""
        if self.home is None:
            raise VerificationError(f"the directory of the processes of {self.stack} is unknown; run meshfleet verify")
        return Workspace(self.stack, self.home)

    def mesh(self, name: str) -> MeshView:
        """The mesh of that name. Raises VerificationError when status does not have it."""
        for mesh in self.meshes:
            if mesh.name == name:
                return mesh
        raise VerificationError(f"status has no mesh {name!r}; it has {', '.join(m.name for m in self.meshes)}")

    def mesh_members(self, mesh: str) -> tuple[ClusterView, ...]:
        """The clusters of one mesh, in the order of status."""
        return tuple(cluster for cluster in self.clusters if cluster.mesh == mesh)

    def discovered_from(self, cluster: ClusterView) -> tuple[ClusterView, ...]:
        """The clusters that the istiod of `cluster` discovers, in the order of status.

        They are its own and those of its mesh that `discovery.readBy` lets it read: the proxies of `cluster` have
        endpoints of all of them and of no other.
        """
        plane = cluster.control_plane
        reader = plane.of if plane.kind == "remote" else cluster.name
        return tuple(one for one in self.mesh_members(cluster.mesh) if discovers(reader, one.name, one.read_by))

    def mesh_of(self, cluster_name: str) -> str | None:
        """The mesh of a cluster, or None when the fleet has no cluster of that name."""
        return next((c.mesh for c in self.clusters if c.name == cluster_name), None)

    def primaries(self) -> tuple[ClusterView, ...]:
        """The clusters with Istio configuration: an istiod is registered with the cluster ID of each."""
        return tuple(cluster for cluster in self.clusters if cluster.control_plane.kind != "remote")

    def istiods(self) -> tuple[ClusterView, ...]:
        """The primaries, each once for every revision of its control plane."""
        return tuple(each for cluster in self.primaries() for each in of_each_revision(cluster))

    def primary_of(self, cluster: ClusterView) -> ClusterView:
        """The cluster that has the control plane of `cluster`. Raises VerificationError when there is none."""
        return self._cluster(cluster.control_plane.of) if cluster.control_plane.kind == "remote" else cluster

    def istiod_host_of(self, cluster: ClusterView) -> ClusterView:
        """The cluster that runs the istiod of `cluster`. Raises VerificationError when there is none."""
        primary = self.primary_of(cluster)
        external = primary.control_plane.kind == "external"
        return self._cluster(primary.control_plane.of) if external else primary

    def _cluster(self, name: str) -> ClusterView:
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise VerificationError(f"status has no cluster {name!r}; it has {', '.join(c.name for c in self.clusters)}")


def of_each_revision(cluster: ClusterView) -> tuple[ClusterView, ...]:
    """The view of a cluster, once for every revision of its control plane."""
    plane = cluster.control_plane
    return (cluster, *(replace(cluster, control_plane=other) for other in plane.others))


def fingerprint_digits(text: str) -> str:
    """A SHA-256 fingerprint in one format, from `AB:CD`, `sha256:abcd` or `abcd`."""
    return text.lower().removeprefix("sha256:").replace(":", "").strip()
