"""The parts of the status that a rollout plan starts from; what a document does not say is empty.

They are models of their own, so that `up` can repair a stack whose status is damaged elsewhere or has gaps.
`document.Status` is made of them: a field of the same name is the same field.
"""

from __future__ import annotations

from meshfleet.status.model import Items, Name, Port, StatusModel


class DeployedRevision(StatusModel):
    """A revision of Istio that is installed."""

    name: Name
    """The name of the revision."""
    version: str = ""
    """The release of Istio, such as 1.31 or 1.31.2."""


class DeployedControlPlane(StatusModel):
    """Where a cluster's control plane is, and its revisions."""

    kind: str = ""
    """Whether the cluster runs its own istiod, or which kind of control plane serves it."""
    of: str = ""
    """The cluster itself when own; its primary when remote; the cluster that runs its istiod when external."""
    namespace: str = ""
    """The namespace of the control plane."""
    revision: str = ""
    """The revision that workloads are on."""
    gateway_revision: str = ""
    """The revision that gateways are on; empty in a status of before there were several."""
    revisions: Items[DeployedRevision] = ()
    """Every revision that is installed; empty in a status of before there were several."""


class DeployedGateway(StatusModel):
    """An east-west gateway."""

    network: str = ""
    """The network that it leads into; empty where it leads to control planes alone."""
    istiod_port: Port = 15012
    """The port that leads to istiod's discovery and certificates, where it exposes a control plane."""


class DeployedCluster(StatusModel):
    """Where a cluster is."""

    name: Name
    """The name of the cluster."""
    provider: str = ""
    """The provider of the cluster, such as `embedded`."""
    mesh: str = ""
    """The mesh it belongs to."""
    network: str = ""
    """The network its pods are on."""
    pod_cidr: str | None = None
    """The range of its pods' addresses; null where none is declared."""
    service_cidr: str | None = None
    """The range of its Services' addresses; null where none is declared."""
    control_plane: DeployedControlPlane | None = None
    """Its control plane."""
    gateway: DeployedGateway | None = None
    """Its east-west gateway; null where it has none."""


class DeployedRoot(StatusModel):
    """A root certificate of a mesh."""

    name: Name
    """The name of the root."""


class DeployedMesh(StatusModel):
    """The roots of a mesh."""

    name: Name
    """The name of the mesh."""
    trust_domain: str = ""
    """The SPIFFE trust domain."""
    roots: Items[DeployedRoot] = ()
    """The roots that are trusted; empty in a status of before roots had names."""
    signing: str | None = None
    """The name of the root that signs; null in a status of before roots had names."""


class DeployedStatus(StatusModel):
    """The parts of the status that a rollout plan starts from."""

    clusters: Items[DeployedCluster] = ()
    """The clusters."""
    meshes: Items[DeployedMesh] = ()
    """The meshes."""
