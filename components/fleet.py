"""The fleet: every cluster, every mesh, and the edges between them.

A cluster waits for another only where it needs something of it: a control plane needs its peers' reader tokens, a
cluster that is served from elsewhere needs the address of the gateway in front of its istiod and, before anything is
injected in it, that istiod's answer. Nothing else crosses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlane, ControlPlaneResources
from meshfleet.components.description import Described, describe_cluster, describe_mesh
from meshfleet.components.east_west_gateway import EastWestGateway, GatewayRules
from meshfleet.components.external_control_plane import ExternalControlPlane
from meshfleet.components.ingress_gateways import IngressGateways
from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from meshfleet.components.mesh_settings import MeshSettings
from meshfleet.components.namespaces import ExternalNamespace, IstioSystem, Namespaces
from meshfleet.components.remote_control_plane import RemoteControlPlane
from meshfleet.components.remote_secrets import Reader, RemoteSecrets
from meshfleet.components.trust import MeshTrust, Trust, TrustResources
from meshfleet.components.virtual_machines import VirtualMachines
from meshfleet.components.workloads import Workloads
from meshfleet.manifests import mesh_settings as settings
from meshfleet.manifests import virtual_machines as machines
from meshfleet.providers.creation import create_cluster
from meshfleet.status import write_status
from meshfleet.topology import Fleet as Topology


class Fleet(Component):
    """Registers everything a topology says.

    `kubeconfigs` has the content for each existing cluster; without it the files are read that the topology names.
    Raises `TopologyError` for one that cannot be used.
    """

    def __init__(
        self,
        topology: Topology,
        kubeconfigs: Mapping[str, KubeconfigFile] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        kubeconfigs = kubeconfig_files(topology) if kubeconfigs is None else kubeconfigs
        super().__init__(topology.name, opts)
        self._topology = topology
        self._inside = pulumi.ResourceOptions(parent=self)
        self.meshes = {mesh: MeshTrust(topology, mesh, self._inside) for mesh in topology.meshes}
        self.access = {
            name: create_cluster(topology, name, kubeconfigs.get(name), self._inside) for name in topology.clusters
        }
        self.systems = {name: IstioSystem(topology, access, self._inside) for name, access in self.access.items()}
        self.trust: dict[str, TrustResources] = {}
        self.control_planes: dict[str, ControlPlaneResources] = {}
        self.gateways: dict[str, EastWestGateway] = {}
        self.rules: dict[str, GatewayRules] = {}
        self.ingress_gateways: dict[str, IngressGateways] = {}
        # In this order each finds what it needs of the ones before.
        for name in self._of_kind("own"):
            self._own_control_plane(name)
        for name in self._of_kind("external"):
            self._external_control_plane(name)
        remotes = {name: self._remote_control_plane(name) for name in self._of_kind("remote")}
        secrets = self._discovery(remotes)
        for name, remote in remotes.items():
            way = self.rules[topology.hosting(name)].to_istiods
            self.control_planes[name] = remote.wait(secrets[topology.primary_of(name)].secret, way)
            self._gateway(name)
        for name, access in self.access.items():
            if settings.objects(topology, name):
                MeshSettings(topology, access, self.control_planes[name], self._inside)
            namespaces = Namespaces(topology, access, self.control_planes[name], self._inside).made
            if topology.clusters[name].ingress_gateways:
                self.ingress_gateways[name] = IngressGateways(
                    topology, access, self.control_planes[name], namespaces, self._inside
                )
            if topology.workloads_of(name):
                Workloads(topology, access, self.control_planes[name], namespaces, self._inside)
            if machines.objects(topology, name):
                VirtualMachines(topology, access, self.control_planes[name], namespaces, self._inside)
        self.done()

    def _of_kind(self, kind: str) -> list[str]:
        return [name for name, cluster in self._topology.clusters.items() if cluster.control_plane.kind == kind]

    def _own_control_plane(self, name: str) -> None:
        topology, access, system = self._topology, self.access[name], self.systems[name]
        self.trust[name] = self._trust(name, access, system.namespace)
        control_plane = ControlPlane(topology, access, system.prepared, self.trust[name], self._inside)
        self.control_planes[name] = control_plane.resources
        self._gateway(name)
        self.rules[name] = GatewayRules(topology, access, control_plane.resources, self._inside)

    def _external_control_plane(self, name: str) -> None:
        topology, host = self._topology, self.access[self._topology.hosting(name)]
        place = ExternalNamespace(topology, name, host, self._inside)
        self.trust[name] = self._trust(name, host, place.namespace)
        control_plane = ExternalControlPlane(
            topology,
            self.access[name],
            host,
            self.systems[name].prepared,
            self.trust[name],
            self.gateways[host.name].address,
            self.rules[host.name].to_istiods,
            self._inside,
        )
        self.control_planes[name] = control_plane.resources
        self._gateway(name)
        self.rules[name] = GatewayRules(topology, self.access[name], control_plane.resources, self._inside)

    def _remote_control_plane(self, name: str) -> RemoteControlPlane:
        topology = self._topology
        return RemoteControlPlane(
            topology,
            self.access[name],
            self.systems[name].prepared,
            self.control_planes[topology.primary_of(name)],
            self.gateways[topology.hosting(name)].address,
            self._inside,
        )

    def _trust(self, name: str, access: ClusterAccess, namespace: pulumi.Resource) -> TrustResources:
        mesh = self.meshes[self._topology.mesh_of(name)]
        return Trust(self._topology, name, access, mesh, namespace, self._inside).resources

    def _gateway(self, name: str) -> None:
        if self._topology.has_east_west_gateway(name):
            control_plane = self.control_planes[name]
            self.gateways[name] = EastWestGateway(self._topology, self.access[name], control_plane, self._inside)

    def _discovery(self, remotes: Mapping[str, RemoteControlPlane]) -> dict[str, RemoteSecrets]:
        """A reader in each cluster that a control plane elsewhere reads, and each control plane's remote secrets."""
        topology = self._topology
        readers = {}
        for name, access in self.access.items():
            if topology.readers_of(name):
                resources = remotes[name].resources if name in remotes else self.control_planes[name]
                readers[name] = Reader(topology, access, resources.charts, self._inside)
        secrets = {}
        for name in topology.clusters:
            peers = [(peer, readers[peer]) for peer in topology.peers_of(name)] if topology.is_primary(name) else []
            if peers:
                namespace = self.systems[name].namespace
                secrets[name] = RemoteSecrets(topology, self.access[name], namespace, peers, self._inside)
        return secrets

    def describe(self) -> dict[str, Any]:
        """The status (meshfleet/status/), with outputs for what a run finds out; nothing in it is secret."""
        topology = self._topology
        registered = Described(self.access, self.trust, self.control_planes, self.gateways, self.ingress_gateways)
        fields = {
            "stack": topology.name,
            "clusters": [describe_cluster(topology, name, registered) for name in topology.clusters],
            "meshes": [describe_mesh(topology, mesh, trust, registered) for mesh, trust in self.meshes.items()],
            "virtualMachines": machines.described(topology),
        }
        return write_status(fields, pending=pulumi.Output)

    def kubeconfigs(self) -> pulumi.Output[dict[str, str]]:
        """The kubeconfig of every cluster by name; secret."""
        found = {name: access.kubeconfig for name, access in self.access.items()}
        return pulumi.Output.secret(pulumi.Output.all(**found))
