"""The fleet: every cluster, every mesh, and the edges between them.

A cluster waits for another only where it needs something of it: its remote secrets need its peers' reader tokens,
and nothing else crosses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.control_plane import ControlPlane
from components.east_west_gateway import EastWestGateway
from components.embedded_cluster import EmbeddedCluster
from components.existing_cluster import ExistingCluster
from components.kubeconfig_file import KubeconfigFile
from components.mesh_settings import MeshSettings
from components.namespaces import IstioSystem, Namespaces
from components.remote_secrets import Reader, RemoteSecrets
from components.trust import MeshTrust, Trust
from manifests import mesh_settings as settings
from topology import Fleet as Topology


@dataclass(frozen=True)
class ClusterResources:
    """The components of one cluster that others look at."""

    access: ClusterAccess
    system: IstioSystem
    trust: Trust
    control_plane: ControlPlane
    gateway: EastWestGateway | None
    reader: Reader | None


class Fleet(Component):
    """Registers everything a topology says. `kubeconfigs` has the content for each existing cluster."""

    def __init__(self, topology: Topology, kubeconfigs: Mapping[str, KubeconfigFile]) -> None:
        super().__init__(topology.name)
        self._topology = topology
        self._inside = pulumi.ResourceOptions(parent=self)
        self.meshes = {mesh: MeshTrust(topology, mesh, self._inside) for mesh in topology.meshes}
        self.clusters = {name: self._cluster(name, kubeconfigs) for name in topology.clusters}
        self._discovery()
        self.done()

    def _cluster(self, name: str, kubeconfigs: Mapping[str, KubeconfigFile]) -> ClusterResources:
        topology, inside = self._topology, self._inside
        cluster = (
            EmbeddedCluster(topology, name, inside)
            if topology.clusters[name].embedded
            else ExistingCluster(topology, name, kubeconfigs[name], inside)
        )
        access = cluster.access
        system = IstioSystem(topology, access, inside)
        root = self.meshes[topology.mesh_of(name)].root
        trust = Trust(topology, access, root, system.namespace, inside)
        control_plane = ControlPlane(topology, access, system.namespace, trust.resources, inside)
        if settings.objects(topology, name):
            MeshSettings(topology, access, control_plane.resources, inside)
        gateway = None
        if topology.has_east_west_gateway(name):
            gateway = EastWestGateway(topology, access, control_plane.resources, inside)
        reader = Reader(topology, access, control_plane.resources, inside) if topology.peers_of(name) else None
        Namespaces(topology, access, control_plane.resources, inside)
        return ClusterResources(access, system, trust, control_plane, gateway, reader)

    def _discovery(self) -> None:
        for name, cluster in self.clusters.items():
            readers = [(peer, self.clusters[peer].reader) for peer in self._topology.peers_of(name)]
            peers = [(peer, reader) for peer, reader in readers if reader]
            if peers:
                RemoteSecrets(cluster.access, cluster.system.namespace, peers, self._inside)

    def describe(self) -> dict[str, Any]:
        """What `meshfleet status` shows, as outputs; nothing in it is secret."""
        topology = self._topology
        return {
            "stack": topology.name,
            "clusters": [self._describe_cluster(name) for name in topology.clusters],
            "meshes": [
                {
                    "name": mesh,
                    "trustDomain": topology.meshes[mesh].trust_domain,
                    "model": topology.model_of(mesh),
                    "settings": _settings(topology, mesh),
                    "rootFingerprint": trust.root.fingerprint,
                    "rootNotAfter": trust.root.not_after,
                }
                for mesh, trust in self.meshes.items()
            ],
            "virtualMachines": [],
        }

    def _describe_cluster(self, name: str) -> dict[str, Any]:
        topology, resources = self._topology, self.clusters[name]
        declared = topology.clusters[name]
        return {
            "name": name,
            "role": topology.role(name),
            "provider": declared.provider,
            "mesh": topology.mesh_of(name),
            "network": declared.network,
            "region": declared.region,
            "zone": declared.zone,
            "context": resources.access.context,
            "server": resources.access.server,
            "controlPlane": {
                "kind": declared.control_plane.kind,
                "of": topology.primary_of(name),
                "revision": topology.istio.revision,
                "debugUrl": resources.control_plane.debug_url,
            },
            "gateway": {"address": resources.gateway.address, "port": resources.gateway.port}
            if resources.gateway
            else None,
            "intermediateNotAfter": resources.trust.resources.intermediate.not_after,
            "injectedNamespaces": [
                namespace for namespace, declared in topology.namespaces_of(name).items() if declared.injection
            ],
        }

    def kubeconfigs(self) -> pulumi.Output[dict[str, str]]:
        """The kubeconfig of every cluster by name; secret."""
        found = {name: cluster.access.kubeconfig for name, cluster in self.clusters.items()}
        return pulumi.Output.secret(pulumi.Output.all(**found))


def _settings(topology: Topology, mesh: str) -> dict[str, Any]:
    """What the control planes of a mesh are asked to hold; `verify` looks for it in each of them."""
    objects = settings.mesh_objects(topology, mesh).values()
    return {
        "meshConfig": settings.mesh_config(topology, mesh),
        "objects": [{"kind": body["kind"], "name": body["metadata"]["name"], "spec": body["spec"]} for body in objects],
    }
