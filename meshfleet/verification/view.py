"""What the checks are told of a fleet: names, addresses and where to ask; nothing secret but paths.

`read_fleet` makes it from what `meshfleet status --json` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from meshfleet.errors import VerificationError
from meshfleet.topology.identities import Decision
from meshfleet.verification.injected_view import InjectedView
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.workload_view import WorkloadView
from meshfleet.workspace.home import Workspace


@dataclass(frozen=True)
class ControlPlaneView:
    """Where a cluster's istiod is.

    `of` names the cluster itself when `kind` is own, its primary when it is remote, the cluster in which its istiod
    runs when it is external. `debug_url` is the address of the istiod's debug API, without the path; only an istiod
    that carries the cluster's name has one. `namespace` is that of the control plane. Workloads are on `revision`,
    and `others` are the other revisions beside it.
    """

    kind: Literal["own", "remote", "external"]
    of: str
    revision: str = "default"
    debug_url: str | None = None
    namespace: str = "istio-system"
    gateway_revision: str = ""
    others: tuple[ControlPlaneView, ...] = ()


@dataclass(frozen=True)
class GatewayView:
    """A gateway into a network as others reach it: an IP address or a host name, and the mTLS port.

    `named` where the fleet itself published that name, which need not be known to anybody. `network` is the one that
    it leads into: that of its cluster, but for while the cluster moves; empty for that of its cluster.
    """

    address: str
    port: int = 15443
    named: bool = False
    network: str = ""


@dataclass(frozen=True)
class ClusterView:
    """One cluster of the fleet; `kubeconfig` is read by the checks and never shown.

    `pods` is `real`, `processes`, or `simulated`, with the reason where they were to be processes.
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
    injected_namespaces: tuple[str, ...] = ()
    local: bool = True
    pods: str = "real"
    workloads: tuple[WorkloadView, ...] = ()
    injected: InjectedView = field(default_factory=InjectedView)

    @property
    def gateway_network(self) -> str:
        """The network that its gateway leads into; empty where it has none."""
        return (self.gateway.network or self.network) if self.gateway else ""


@dataclass(frozen=True)
class RootObject:
    """An object of the root namespace that the stack declares for a whole mesh."""

    kind: str
    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class DeclaredGateway:
    """A gateway into a network that the stack declares, since no cluster has a Service for it."""

    network: str
    address: str
    port: int


@dataclass(frozen=True)
class MeshView:
    """One mesh, and the SHA-256 of its root certificates (DER), 64 lower-case hex digits each.

    `root_fingerprint` is of the root that signs, `other_roots` are those that are trusted beside it. `mesh_config` is
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
        """All roots in the order of `root-cert.pem`: the one that signs first."""
        return (*((self.root_fingerprint,) if self.root_fingerprint else ()), *self.other_roots)


@dataclass(frozen=True)
class FleetView:
    """A running fleet as the checks see it; `tools` is the folder that holds `istioctl`.

    `home` is where the state of its processes is on this machine; None where none is known of. `decisions` say which
    clusters the stack file leads to now; there are none where the stack file was not read.
    """

    stack: str
    clusters: tuple[ClusterView, ...]
    meshes: tuple[MeshView, ...]
    tools: Path
    home: Path | None = None
    virtual_machines: tuple[MachineView, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    def workspace(self) -> Workspace:
        """Where its processes are. Raises VerificationError when that is not known."""
        if self.home is None:
            raise VerificationError(f"it is not known where the processes of {self.stack} are; run meshfleet verify")
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

    def mesh_of(self, cluster_name: str) -> str | None:
        """The mesh of a cluster, or None when the fleet has no cluster of that name."""
        return next((c.mesh for c in self.clusters if c.name == cluster_name), None)

    def primaries(self) -> tuple[ClusterView, ...]:
        """The clusters that hold Istio's configuration: an istiod carries the name of each."""
        return tuple(cluster for cluster in self.clusters if cluster.control_plane.kind != "remote")

    def istiods(self) -> tuple[ClusterView, ...]:
        """The primaries, each once for every revision of its control plane, which that view then names."""
        return tuple(each for cluster in self.primaries() for each in of_each_revision(cluster))

    def primary_of(self, cluster: ClusterView) -> ClusterView:
        """The cluster whose name the istiod of `cluster` carries. Raises VerificationError when there is none."""
        return self._cluster(cluster.control_plane.of) if cluster.control_plane.kind == "remote" else cluster

    def home_of(self, cluster: ClusterView) -> ClusterView:
        """The cluster in which the istiod of `cluster` runs. Raises VerificationError when there is none."""
        primary = self.primary_of(cluster)
        external = primary.control_plane.kind == "external"
        return self._cluster(primary.control_plane.of) if external else primary

    def _cluster(self, name: str) -> ClusterView:
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise VerificationError(f"status has no cluster {name!r}; it has {', '.join(c.name for c in self.clusters)}")


def of_each_revision(cluster: ClusterView) -> tuple[ClusterView, ...]:
    """The view of a cluster once for every revision that serves it."""
    plane = cluster.control_plane
    return (cluster, *(replace(cluster, control_plane=other) for other in plane.others))


def fingerprint_digits(text: str) -> str:
    """A SHA-256 fingerprint in one spelling, whichever of `AB:CD`, `sha256:abcd` or `abcd` it came in."""
    return text.lower().removeprefix("sha256:").replace(":", "").strip()
