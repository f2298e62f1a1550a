"""The parts of the status that a rollout plan starts from.

They are models of their own, so that `up` can repair a stack whose status is damaged elsewhere. `document.Status` is
made of them: a field of the same name is the same field.
"""

from __future__ import annotations

from meshfleet.status.model import Items, Name, StatusModel


class DeployedRevision(StatusModel):
    """A revision of Istio that is installed."""

    name: Name
    """The name of the revision."""
    version: str
    """The release of Istio: 1.31 or 1.31.2; empty in a status of before releases were recorded."""


class DeployedControlPlane(StatusModel):
    """The revisions of a cluster's control plane."""

    revision: Name
    """The revision that workloads are on."""
    gateway_revision: str
    """The revision that gateways are on; empty in a status of before there were several."""
    revisions: Items[DeployedRevision]
    """Every revision that is installed."""


class DeployedGateway(StatusModel):
    """An east-west gateway."""

    network: str
    """The network that it leads into; empty where it leads to control planes alone."""


class DeployedCluster(StatusModel):
    """Where a cluster is."""

    name: Name
    """The name of the cluster."""
    network: str = ""
    """The network its pods are on."""
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
    roots: Items[DeployedRoot]
    """The roots that are trusted; empty in a status of before roots had names."""
    signing: str | None
    """The name of the root that signs; null in a status of before roots had names."""


class DeployedStatus(StatusModel):
    """The parts of the status that a rollout plan starts from."""

    clusters: Items[DeployedCluster] = ()
    """The clusters."""
    meshes: Items[DeployedMesh] = ()
    """The meshes."""
