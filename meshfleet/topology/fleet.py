"""The fleet as a whole, and what follows from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, Self, TypeVar

from pydantic import Field

from meshfleet.topology.additions import Additions
from meshfleet.topology.cert_manager import CertManager
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.discovery import discovers
from meshfleet.topology.dns_endpoint import DnsEndpoint
from meshfleet.topology.federation import Federation
from meshfleet.topology.gateways import AdvertisedAddress, advertised_to
from meshfleet.topology.istio import Istio, Kubernetes
from meshfleet.topology.mesh import Mesh
from meshfleet.topology.model import Model
from meshfleet.topology.multi_cluster_service import MultiClusterService
from meshfleet.topology.names import ISSUER_ROOT, is_read_root
from meshfleet.topology.namespace import Namespace
from meshfleet.topology.network import Network
from meshfleet.topology.portal import Portal
from meshfleet.topology.propagation.propagation import Propagation
from meshfleet.topology.rbac.identities import Identities
from meshfleet.topology.system_names import ISTIO_SYSTEM, external_namespace
from meshfleet.topology.virtual_machine import VirtualMachine
from meshfleet.topology.workload import Version, Workload

T = TypeVar("T")
Evictions = dict[str, dict[str, str]]
"""Propagation -> the clusters that its share is taken from, each with since when it is unreachable (RFC 3339)."""

Restored = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Propagation -> cluster -> document -> the object as it was recorded, in place of what is declared there."""

EAST_WEST_LABELS: Final = {"istio": "eastwestgateway"}
"""What Gateways select the gateways between networks by, those of Istio's chart and machines."""


class Fleet(Model):
    """Everything one stack declares. Made by `topology.load`, which also checks every rule.

    Mappings keep the order they came in: the stack file's, or by name where Pulumi has sorted them. Names are keys.
    """

    name: str
    """The stack's name, taken from the name of its file."""
    host: str
    """The host cluster, which knows the members; optional with a single cluster."""
    clusters: dict[str, Cluster]
    """The clusters by name; a name is also the cluster's ID in Istio."""
    networks: dict[str, Network]
    """The networks by name."""
    meshes: dict[str, Mesh]
    """The meshes by name, which is also the mesh ID; one called `mesh` when left out."""
    namespaces: dict[str, Namespace] = Field(default_factory=dict)
    """The namespaces that the fleet owns, by name."""
    workloads: dict[str, Workload] = Field(default_factory=dict)
    """Workloads that the fleet runs, by name."""
    virtual_machines: dict[str, VirtualMachine] = Field(default_factory=dict)
    """Virtual machines that join a mesh, by the name of their workload."""
    multi_cluster_services: dict[str, MultiClusterService] = Field(default_factory=dict)
    """Services that are known by one name in several clusters, by name."""
    dns_endpoints: dict[str, DnsEndpoint] = Field(default_factory=dict)
    """DNS names for callers from outside of the mesh, by the name of their object."""
    propagations: dict[str, Propagation] = Field(default_factory=dict)
    """Objects of your own, the clusters they go to and how they differ there, by name."""
    federation: Federation = Field(default_factory=Federation)
    """Which engine brings propagated objects to their clusters."""
    portal: Portal | None = None
    """The API portal on the host; none when left out."""
    identities: Identities = Field(default_factory=Identities)
    """Users, groups, accounts and roles, and who may do what in which clusters."""
    istio: Istio = Field(default_factory=Istio)
    """Istio's version, revision and charts."""
    kubernetes: Kubernetes = Field(default_factory=Kubernetes)
    """The version of Kubernetes."""
    additions: Additions = Field(default_factory=Additions)
    """Labels, annotations and patches for the objects of the fleet in every cluster."""
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The parts of sections without a field of their own, by section and name."""
    gateway_networks: dict[str, str] = Field(default_factory=dict)
    """The network a cluster's gateway leads into while clusters move between networks; in no stack file."""
    evictions: Evictions = Field(default_factory=dict)
    """The clusters that the shares of propagations are taken from; in no stack file."""
    evictions_before: Evictions | None = None
    """The same of before while shares move, so that both placements are held; in no stack file."""
    reported: dict[str, Any] | None = None
    """The whole status that a run of a part exports, since it deploys nothing else; in no stack file."""
    restored: Restored = Field(default_factory=dict)
    """What clusters get back of a wave that is rolled back; in no stack file."""

    def role(self, cluster: str) -> str:
        """`host` for the cluster that knows the others, `member` for the rest."""
        return "host" if cluster == self.host else "member"

    def mesh_of(self, cluster: str) -> str:
        """The mesh a cluster belongs to: the one it names, or the fleet's only one."""
        return self.clusters[cluster].mesh or next(iter(self.meshes))

    def members_of(self, mesh: str) -> tuple[str, ...]:
        """The clusters of a mesh, in the order of the stack file."""
        return self._members.get(mesh, ())

    def peers_of(self, cluster: str) -> tuple[str, ...]:
        """The other clusters of its mesh."""
        return tuple(name for name in self.members_of(self.mesh_of(cluster)) if name != cluster)

    def readers_of(self, cluster: str) -> tuple[str, ...]:
        """The clusters whose control planes read this one's API server, itself left out."""
        read_by, primaries = self.clusters[cluster].discovery.read_by, self.primaries_of(self.mesh_of(cluster))
        return tuple(name for name in primaries if name != cluster and discovers(name, cluster, read_by))

    def reads(self, cluster: str) -> tuple[str, ...]:
        """The other clusters whose API servers the control plane of this name reads; none where it is remote."""
        peers = self.peers_of(cluster) if self.is_primary(cluster) else ()
        return tuple(name for name in peers if discovers(cluster, name, self.clusters[name].discovery.read_by))

    def restricts_discovery(self, mesh: str) -> bool:
        """Whether a cluster of a mesh is left out by one of its control planes."""
        return any(
            not discovers(primary, name, self.clusters[name].discovery.read_by)
            for name in self.members_of(mesh)
            if self.clusters[name].discovery.read_by is not None
            for primary in self.primaries_of(mesh)
        )

    def networks_of(self, mesh: str) -> tuple[str, ...]:
        """The networks a mesh spans, each once: in the order of its clusters, then those with machines alone."""
        return self._networks.get(mesh, ())

    def has_machines_alone(self, network: str) -> bool:
        """Whether no cluster is on a network, so that what leads into it is what `gateways` declares, or nothing."""
        return network not in self._on_network

    def members_on(self, network: str) -> tuple[str, ...]:
        """The clusters on a network, in the order of the stack file; all of one mesh, since meshes share none."""
        return self._on_network.get(network, ())

    def primaries_of(self, mesh: str) -> tuple[str, ...]:
        """The clusters of a mesh whose API servers hold its configuration: one for each control plane."""
        return self._primaries.get(mesh, ())

    def is_primary(self, cluster: str) -> bool:
        """Whether a control plane carries this cluster's name: its own, or one hosted for it elsewhere."""
        return self.clusters[cluster].control_plane.kind != "remote"

    def primary_of(self, cluster: str) -> str:
        """The cluster whose control plane serves this one; itself when a control plane carries its name."""
        plane = self.clusters[cluster].control_plane
        return plane.of if plane.kind == "remote" else cluster

    def remotes_of(self, primary: str) -> tuple[str, ...]:
        """The other clusters that a primary's control plane serves."""
        return self._remotes.get(primary, ())

    def hosting(self, cluster: str) -> str:
        """The cluster in which the istiod that serves `cluster` runs."""
        plane = self.clusters[self.primary_of(cluster)].control_plane
        return plane.of if plane.kind == "external" else self.primary_of(cluster)

    def hosted_by(self, cluster: str) -> tuple[str, ...]:
        """The clusters for which this one hosts an external control plane."""
        return self._hosted.get(cluster, ())

    def exposes_control_plane(self, cluster: str) -> bool:
        """Whether an istiod that runs in the cluster serves other clusters, or machines, through a gateway."""
        own = self.clusters[cluster].control_plane.kind == "own"
        served = bool(self.remotes_of(cluster)) or bool(self.virtual_machines_of(cluster))
        return bool(self.hosted_by(cluster)) or (own and served)

    def is_network_gateway(self, cluster: str) -> bool:
        """Whether the cluster's gateway leads into its network: declared, or needed since its mesh spans networks."""
        declared = self.clusters[cluster].east_west_gateway is not None
        moving = cluster in self.gateway_networks
        return declared or moving or len(self.networks_of(self.mesh_of(cluster))) > 1

    def gateway_network(self, cluster: str) -> str:
        """The network that the cluster's gateway leads into: its own, but for while clusters move."""
        return self.gateway_networks.get(cluster) or self.clusters[cluster].network

    def has_east_west_gateway(self, cluster: str) -> bool:
        """Whether the cluster has an east-west gateway: into its network, or to the control planes in it."""
        return self.is_network_gateway(cluster) or self.exposes_control_plane(cluster)

    def advertised_to(self, cluster: str, viewer: str) -> AdvertisedAddress | None:
        """Where `viewer`, a cluster, reaches the gateway of `cluster`; None for the address of its Service."""
        gateway = self.clusters[cluster].east_west_gateway
        return advertised_to(gateway.advertised, viewer) if gateway else None

    def is_advertised(self, cluster: str) -> bool:
        """Whether other clusters reach the gateway elsewhere than at its Service."""
        gateway = self.clusters[cluster].east_west_gateway
        return bool(gateway and gateway.advertised)

    def uses_gateway_api(self, cluster: str) -> bool:
        """Whether the cluster has objects of the Gateway API: in ambient mode, and where a gateway is described so."""
        declared = self.clusters[cluster]
        return declared.data_plane == "ambient" or any(
            gateway.api == "gateway" for gateway in declared.ingress_gateways.values()
        )

    def ingress_namespace(self, cluster: str, gateway: str) -> str:
        """The namespace of an ingress gateway of a cluster."""
        return self.clusters[cluster].ingress_gateways[gateway].namespace or self.system_namespace(cluster)

    def system_namespace(self, cluster: str) -> str:
        """The namespace of the control plane that serves a cluster, the same in every cluster it serves.

        Source: https://istio.io/latest/docs/setup/install/external-controlplane/
        """
        primary = self.primary_of(cluster)
        external = self.clusters[primary].control_plane.kind == "external"
        return external_namespace(primary) if external else ISTIO_SYSTEM

    def is_ambient(self, mesh: str) -> bool:
        """Whether the clusters of a mesh carry traffic in Istio's ambient mode; they are alike in it."""
        return mesh in self._ambient

    def namespaces_of(self, cluster: str) -> dict[str, Namespace]:
        """The declared namespaces that exist in a cluster."""
        return {
            name: namespace
            for name, namespace in self.namespaces.items()
            if not namespace.clusters or cluster in namespace.clusters
        }

    def clusters_of(self, workload: str) -> tuple[str, ...]:
        """The clusters in which pods of a workload run, in the order of the stack file."""
        return tuple(name for name in self.clusters if self._versions[workload].get(name))

    def versions_in(self, workload: str, cluster: str) -> dict[str, Version]:
        """The versions of a workload whose pods run in a cluster, sorted by name; none where it is only called."""
        return self._versions[workload].get(cluster, {})

    def workloads_of(self, cluster: str) -> dict[str, Workload]:
        """The workloads a cluster knows: their namespace exists in it, and pods of them run somewhere in its mesh."""
        mesh, here = self.mesh_of(cluster), self.namespaces_of(cluster)
        return {
            name: workload
            for name, workload in self.workloads.items()
            if workload.namespace in here and mesh in self._workload_meshes[name]
        }

    def virtual_machines_of(self, primary: str) -> tuple[str, ...]:
        """The machines that join the control plane of this name; what they need of Kubernetes is in that cluster."""
        return self._machines.get(primary, ())

    def _machine_mesh(self, name: str) -> str:
        return self.mesh_of(self.virtual_machines[name].cluster)

    def machine_network(self, name: str) -> str:
        """The network that machines are on."""
        declared = self.virtual_machines[name]
        return declared.network or self.clusters[declared.cluster].network

    def machine_networks_of(self, mesh: str) -> tuple[str, ...]:
        """The networks that machines of a mesh are on, each once."""
        return self._machine_networks.get(mesh, ())

    def closed_networks_of(self, mesh: str) -> dict[str, tuple[str, ...]]:
        """The networks of a mesh that no gateway leads into, with their machines: they call others and are not called.

        Istio takes what is on such a network for directly reachable (EndpointsByNetworkFilter of
        pilot/pkg/xds/endpoints/ep_filters.go), so that proxies elsewhere connect to their addresses, in vain.
        """
        return {
            network: tuple(name for name in self.virtual_machines if self.machine_network(name) == network)
            for network in self.machine_networks_of(mesh)
            if self.has_machines_alone(network) and not self.networks[network].gateways
        }

    def machine_labels(self, name: str) -> dict[str, str]:
        """What machines are known by; those that are a gateway also by what the Gateways of the fleet select."""
        declared = self.virtual_machines[name]
        return (declared.labels or {"app": name}) | (EAST_WEST_LABELS if declared.gateway else {})

    def machine_selector(self, name: str) -> dict[str, str]:
        """What selects machines: some of their labels."""
        return self.virtual_machines[name].selector or self.machine_labels(name)

    def machine_locality(self, name: str) -> tuple[str, str, str]:
        """Region, zone and subzone of machines: their own, or those of their cluster where they are on its network."""
        declared = self.virtual_machines[name]
        if declared.region:
            return declared.region, declared.zone, declared.subzone
        cluster = self.clusters[declared.cluster]
        return (cluster.region, cluster.zone, "") if declared.network in ("", cluster.network) else ("", "", "")

    def issuing_cluster(self, mesh: str) -> str:
        """The cluster whose cert-manager issues the intermediates of a mesh; empty where something else does.

        While another kind of root still signs, the intermediates are those of before.
        """
        trust = self.meshes[mesh].trust
        if trust.issuer != "cert-manager":
            return ""
        signing = trust.bundle[:1]
        if trust.signs_elsewhere:
            signs = all(map(ISSUER_ROOT.fullmatch, signing))
        else:
            signs = not any(map(is_read_root, signing))
        if not signs:
            return ""
        return trust.cert_manager.cluster or self.host

    def issues_for(self, cluster: str) -> tuple[str, ...]:
        """The meshes whose intermediates cert-manager of this cluster issues."""
        return tuple(mesh for mesh in self.meshes if self.issuing_cluster(mesh) == cluster)

    def has_istio_csr(self, cluster: str) -> bool:
        """Whether istio-csr signs the certificates of the workloads in a cluster; it is in that cluster then."""
        return self.meshes[self.mesh_of(cluster)].trust.by_istio_csr

    def uses_cert_manager(self, cluster: str) -> bool:
        """Whether anything of the fleet is issued or signed by cert-manager of a cluster."""
        return bool(self.issues_for(cluster)) or self.has_istio_csr(cluster)

    def cert_manager_of(self, cluster: str) -> CertManager | None:
        """The cert-manager that the fleet installs for a cluster; all meshes that use it there say the same of it."""
        meshes = (*self.issues_for(cluster), *([self.mesh_of(cluster)] if self.has_istio_csr(cluster) else ()))
        declared = [self.meshes[mesh].trust.cert_manager for mesh in meshes]
        return next((one for one in declared if one.install), None)

    def runs_cert_manager(self, cluster: str) -> bool:
        """Whether cert-manager is a process beside a cluster, as its istiod is; elsewhere its chart is installed."""
        runs_process = self.clusters[cluster].capabilities.istiod_runtime == "process"
        return runs_process and self.cert_manager_of(cluster) is not None

    def model_of(self, mesh: str) -> str:
        """The deployment model in Istio's words; it follows from the clusters and is never asked for.

        Source: https://istio.io/latest/docs/ops/deployment/deployment-models/
        """
        members, primaries = self.members_of(mesh), self.primaries_of(mesh)
        external = any(self.clusters[name].control_plane.kind == "external" for name in primaries)
        parts = []
        if external or len(members) > 1:
            parts += ["multi-primary"] if len(primaries) > 1 else []
            parts += ["external control plane"] if external else []
            parts += ["primary-remote"] if len(members) > len(primaries) and not external else []
        else:
            parts = ["single cluster"]
        several = len(self.networks_of(mesh)) > 1
        if len(members) > 1 or several:
            parts.append("several networks" if several else "one network")
        parts += ["restricted discovery"] if self.restricts_discovery(mesh) else []
        return ", ".join(["ambient", *parts] if self.is_ambient(mesh) else parts)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same with other fields in some places; derived values are computed again."""
        copied = super().model_copy(update=update, deep=deep)
        for name in [name for name in vars(copied) if name not in type(self).model_fields]:
            del copied.__dict__[name]
        return copied

    # Derived once, since the models are frozen: a plan of a thousand clusters reads them for each.

    def derived(self, make: Callable[[Fleet], T]) -> T:
        """What `make`, a function of a module above this one, derives from the fleet; computed once."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: T = self._derived[make]
        return found

    @cached_property
    def _derived(self) -> dict[Callable[[Fleet], Any], Any]:
        return {}

    @cached_property
    def _members(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self.mesh_of(name), name) for name in self.clusters)

    @cached_property
    def _networks(self) -> dict[str, tuple[str, ...]]:
        pairs = [(self.mesh_of(name), cluster.network) for name, cluster in self.clusters.items()]
        return _grouped([*pairs, *((mesh, name) for mesh, names in self._machine_networks.items() for name in names)])

    @cached_property
    def _machine_networks(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self._machine_mesh(name), self.machine_network(name)) for name in self.virtual_machines)

    @cached_property
    def _on_network(self) -> dict[str, tuple[str, ...]]:
        return _grouped((cluster.network, name) for name, cluster in self.clusters.items())

    @cached_property
    def _primaries(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self.mesh_of(name), name) for name in self.clusters if self.is_primary(name))

    @cached_property
    def _ambient(self) -> frozenset[str]:
        clusters = self.clusters.items()
        return frozenset(self.mesh_of(name) for name, cluster in clusters if cluster.data_plane == "ambient")

    @cached_property
    def _versions(self) -> dict[str, dict[str, dict[str, Version]]]:
        """The versions by workload and cluster."""
        found: dict[str, dict[str, dict[str, Version]]] = {}
        for name, workload in self.workloads.items():
            everywhere = workload.clusters or self.namespaces[workload.namespace].clusters or tuple(self.clusters)
            places = found.setdefault(name, {})
            for version, declared in sorted(workload.versions.items()):
                for cluster in declared.clusters or everywhere:
                    places.setdefault(cluster, {})[version] = declared
        return found

    @cached_property
    def _workload_meshes(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(map(self.mesh_of, places)) for name, places in self._versions.items()}

    @cached_property
    def _remotes(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self.primary_of(name), name) for name in self.clusters if self.primary_of(name) != name)

    @cached_property
    def _hosted(self) -> dict[str, tuple[str, ...]]:
        planes = {name: cluster.control_plane for name, cluster in self.clusters.items()}
        return _grouped((plane.of, name) for name, plane in planes.items() if plane.kind == "external")

    @cached_property
    def _machines(self) -> dict[str, tuple[str, ...]]:
        return _grouped((self.primary_of(declared.cluster), name) for name, declared in self.virtual_machines.items())


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Each key with its names, each name once, in the order they come."""
    found: dict[str, dict[str, None]] = {}
    for key, name in pairs:
        found.setdefault(key, {})[name] = None
    return {key: tuple(names) for key, names in found.items()}
