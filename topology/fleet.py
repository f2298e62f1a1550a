"""The fleet as a whole, and what follows from its parts."""

from __future__ import annotations

from pydantic import Field

from topology.cluster import Cluster
from topology.istio import Istio, Kubernetes
from topology.mesh import Mesh
from topology.model import Model
from topology.namespace import Namespace
from topology.network import Network


class Fleet(Model):
    """Everything one stack declares. Made by `topology.load`, which also checks every rule.

    Mappings keep the order they came in: the stack file's, or by name where Pulumi has sorted them. Names are keys.
    """

    name: str
    """The stack's name, taken from the name of its file."""
    host: str
    """The cluster that knows the others; may be left out when there is only one cluster."""
    clusters: dict[str, Cluster]
    """The clusters by name; a name is also the cluster's ID in Istio."""
    networks: dict[str, Network]
    """The networks by name."""
    meshes: dict[str, Mesh]
    """The meshes by name, which is also the mesh ID; one called `mesh` when left out."""
    namespaces: dict[str, Namespace] = Field(default_factory=dict)
    """The namespaces that the fleet owns, by name."""
    istio: Istio = Field(default_factory=Istio)
    """Istio's version, revision and charts."""
    kubernetes: Kubernetes = Field(default_factory=Kubernetes)
    """The version of Kubernetes."""

    def role(self, cluster: str) -> str:
        """`host` for the cluster that knows the others, `member` for the rest."""
        return "host" if cluster == self.host else "member"

    def mesh_of(self, cluster: str) -> str:
        """The mesh a cluster belongs to: the one it names, or the fleet's only one."""
        return self.clusters[cluster].mesh or next(iter(self.meshes))

    def members_of(self, mesh: str) -> tuple[str, ...]:
        """The clusters of a mesh, in the order of the stack file."""
        return tuple(name for name in self.clusters if self.mesh_of(name) == mesh)

    def peers_of(self, cluster: str) -> tuple[str, ...]:
        """The other clusters of its mesh."""
        return tuple(name for name in self.members_of(self.mesh_of(cluster)) if name != cluster)

    def networks_of(self, mesh: str) -> tuple[str, ...]:
        """The networks a mesh spans, each once, in the order of its clusters."""
        return tuple(dict.fromkeys(self.clusters[name].network for name in self.members_of(mesh)))

    def has_east_west_gateway(self, cluster: str) -> bool:
        """Whether the cluster has an east-west gateway: declared, or needed since its mesh spans networks."""
        declared = self.clusters[cluster].east_west_gateway is not None
        return declared or len(self.networks_of(self.mesh_of(cluster))) > 1

    def primary_of(self, cluster: str) -> str:
        """The cluster whose control plane serves this one; itself when it has its own."""
        return self.clusters[cluster].control_plane.of or cluster

    def namespaces_of(self, cluster: str) -> dict[str, Namespace]:
        """The declared namespaces that exist in a cluster."""
        return {
            name: namespace
            for name, namespace in self.namespaces.items()
            if not namespace.clusters or cluster in namespace.clusters
        }

    def model_of(self, mesh: str) -> str:
        """The deployment model in Istio's words; it follows from the clusters and is never asked for.

        Source: https://istio.io/latest/docs/ops/deployment/deployment-models/
        """
        members = self.members_of(mesh)
        if len(members) == 1:
            return "single cluster"
        kinds = {self.clusters[name].control_plane.kind for name in members}
        planes = (
            "multi-primary"
            if kinds == {"own"}
            else "external control plane"
            if "external" in kinds
            else "primary-remote"
        )
        networks = "one network" if len(self.networks_of(mesh)) == 1 else "several networks"
        return f"{planes}, {networks}"
