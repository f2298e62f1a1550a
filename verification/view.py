"""What the checks are told of a fleet: names, addresses and where to ask; nothing secret but paths.

The shape comes from `meshfleet status --json`; `FleetView.from_status` reads it and names what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from embedded.workspace import Workspace
from topology.errors import VerificationError
from verification.machine_view import MachineView, machine_view
from verification.workload_view import WorkloadView, workload_view

KINDS = ("own", "remote", "external")


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

    `named` where the fleet itself published that name, which need not be known to anybody.
    """

    address: str
    port: int = 15443
    named: bool = False


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
    pods: str = "real"
    workloads: tuple[WorkloadView, ...] = ()


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

    `home` is where the state of its processes is on this machine; None where none is known of.
    """

    stack: str
    clusters: tuple[ClusterView, ...]
    meshes: tuple[MeshView, ...]
    tools: Path
    home: Path | None = None
    virtual_machines: tuple[MachineView, ...] = ()

    @classmethod
    def from_status(cls, status: Mapping[str, Any], tools: Path, home: Path | None = None) -> FleetView:
        """Read the shape of `meshfleet status --json`.

        Raises VerificationError naming the field that is missing or of the wrong shape.
        """
        return cls(
            stack=_text(status, "stack", "status"),
            clusters=tuple(_cluster(entry) for entry in _entries(status, "clusters")),
            meshes=tuple(_mesh(entry) for entry in _entries(status, "meshes")),
            tools=tools,
            home=home,
            # A fleet that an earlier release brought up has none until the next `up`.
            virtual_machines=tuple(machine_view(entry) for entry in status.get("virtualMachines") or ()),
        )

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


def _cluster(entry: Mapping[str, Any]) -> ClusterView:
    where = f"clusters.{entry.get('name', '?')}"
    name = _text(entry, "name", where)
    gateway = entry.get("gateway")
    return ClusterView(
        name=name,
        role=str(entry.get("role") or "member"),
        mesh=_text(entry, "mesh", where),
        network=_text(entry, "network", where),
        region=str(entry.get("region") or ""),
        zone=str(entry.get("zone") or ""),
        data_plane=str(entry.get("dataPlane") or "sidecar"),
        kubeconfig=Path(_text(entry, "kubeconfig", where)),
        context=entry.get("context") or None,
        control_plane=_control_plane(name, entry.get("controlPlane"), f"{where}.controlPlane"),
        gateway=_gateway(gateway, f"{where}.gateway") if gateway else None,
        pods=str(entry.get("pods") or "simulated"),
        workloads=tuple(workload_view(one) for one in entry.get("workloads") or ()),
        injected_namespaces=tuple(str(namespace) for namespace in entry.get("injectedNamespaces") or ()),
    )


def _control_plane(cluster: str, entry: Any, where: str) -> ControlPlaneView:
    if not isinstance(entry, Mapping):
        raise VerificationError(f"status: {where} is {type(entry).__name__}, not an object; run `meshfleet up`")
    kind = _text(entry, "kind", where)
    if kind not in KINDS:
        raise VerificationError(f"status: {where}.kind is {kind!r}; allowed are {', '.join(KINDS)}")
    revision = str(entry.get("revision") or "default")
    plane = ControlPlaneView(
        kind=cast("Literal['own', 'remote', 'external']", kind),
        of=str(entry.get("of") or cluster),
        revision=revision,
        debug_url=_url(entry),
        namespace=str(entry.get("namespace") or "istio-system"),
        gateway_revision=str(entry.get("gatewayRevision") or ""),
    )
    # Missing in a fleet from before there were several.
    told = _entries(entry, "revisions", f"{where}.") if entry.get("revisions") else ()
    names = {_text(one, "name", f"{where}.revisions"): _url(one) for one in told}
    others = (replace(plane, revision=name, debug_url=url) for name, url in names.items() if name != revision)
    return replace(plane, others=tuple(others))


def _url(entry: Mapping[str, Any]) -> str | None:
    return str(entry["debugUrl"]).rstrip("/") if entry.get("debugUrl") else None


def _gateway(entry: Any, where: str) -> GatewayView | None:
    if not isinstance(entry, Mapping):
        raise VerificationError(f"status: {where} is {type(entry).__name__}, not an object; run `meshfleet up`")
    # One that leads into no network leads to control planes alone.
    if not entry.get("address") or not entry.get("network"):
        return None
    return GatewayView(address=str(entry["address"]), port=_port(entry, where), named=entry.get("named") is True)


def _declared_gateway(entry: Mapping[str, Any], where: str) -> DeclaredGateway:
    inside = f"{where}.networkGateways"
    return DeclaredGateway(_text(entry, "network", inside), _text(entry, "address", inside), _port(entry, inside))


def _port(entry: Mapping[str, Any], where: str) -> int:
    port = entry.get("port", 15443)
    # The engine hands every number back as a double.
    if isinstance(port, bool) or not isinstance(port, int | float) or port != int(port):
        raise VerificationError(f"status: {where}.port is {port!r}; a whole number is needed")
    return int(port)


def _mesh(entry: Mapping[str, Any]) -> MeshView:
    where = f"meshes.{entry.get('name', '?')}"
    fingerprint = entry.get("rootFingerprint")
    signing = fingerprint_digits(str(fingerprint)) if fingerprint else None
    # Missing in a fleet from before roots had names, which has one.
    roots = _entries(entry, "roots", f"{where}.") if "roots" in entry else ()
    digits = [fingerprint_digits(_text(root, "fingerprint", f"{where}.roots")) for root in roots]
    # A fleet that an earlier release brought up has none until the next `up`.
    settings = _object(entry, "settings", where)
    declared = _entries(entry, "networkGateways", f"{where}.") if "networkGateways" in entry else ()
    return MeshView(
        name=_text(entry, "name", where),
        trust_domain=str(entry.get("trustDomain") or "cluster.local"),
        root_fingerprint=signing,
        other_roots=tuple(root for root in digits if root != signing),
        mesh_config=_object(settings, "meshConfig", f"{where}.settings"),
        objects=tuple(_root_object(found, where) for found in _entries(settings, "objects")) if settings else (),
        network_gateways=tuple(_declared_gateway(found, where) for found in declared),
    )


def _root_object(entry: Mapping[str, Any], where: str) -> RootObject:
    inside = f"{where}.settings.objects"
    return RootObject(_text(entry, "kind", inside), _text(entry, "name", inside), _object(entry, "spec", inside))


def _object(entry: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    value = entry.get(field, {})
    if not isinstance(value, Mapping):
        raise VerificationError(f"status: {where}.{field} is {type(value).__name__}, not an object; run `meshfleet up`")
    return value


def _text(entry: Mapping[str, Any], field: str, where: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        raise VerificationError(f"status: {where}.{field} is {value!r}; a name is needed; run `meshfleet up`")
    return value


def _entries(status: Mapping[str, Any], field: str, where: str = "") -> Sequence[Mapping[str, Any]]:
    value = status.get(field)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise VerificationError(f"status: {where}{field} is {type(value).__name__}, not a list; run `meshfleet up`")
    for number, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise VerificationError(f"status: {where}{field}.{number} is {type(entry).__name__}, not an object")
    return value
