"""What the stack's state says is deployed, for the planners of changes in stages (meshfleet/rollout/stages.py).

The stack's output `fleet` is written when a run has done everything, so it says what every cluster has reached. Of
revisions that is enough, since each step of an upgrade can be taken again. Of a mesh's roots the inputs of its
component tell more: they are written before a run changes any cluster, so they say what was begun. Of the network of
a cluster the label of its system namespace does, which changes before anything is injected with the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_snake

from meshfleet.automation.state.recorded_state import Deployment, description_of, resources_of, unreadable
from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.errors import EngineError, VerificationError
from meshfleet.manifests.namespaces import NETWORK_LABEL
from meshfleet.rollout.deployed import Bundle, Deployed, DeployedNetwork, DeployedRevisions, DeployedTrust
from meshfleet.rollout.transitions import DeployedCluster, DeployedFleet
from meshfleet.topology.names import DEFAULT_ROOT

if TYPE_CHECKING:
    from meshfleet.status.deployed import DeployedCluster as Recorded
    from meshfleet.status.deployed import DeployedStatus

MESH = f"{COMPONENT_PREFIX}MeshTrust"
NAMESPACE = "kubernetes:core/v1:Namespace"
SYSTEM = "/istio-system"
"""How the logical name of the namespace of a cluster's control plane ends, whatever the namespace is called."""


def deployed_in(deployment: Deployment) -> Deployed:
    """What is deployed, from a stack's state as Pulumi exports it.

    Raises EngineError for another shape, and for a status that a later version of meshfleet wrote.
    """
    try:
        return _deployed_in(deployment, _status(description_of(deployment)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(f"{type(error).__name__} {error} in the inputs of a resource") from None


def _deployed_in(deployment: Deployment, fleet: DeployedStatus) -> Deployed:
    reached = dict(_reached(fleet))
    begun: dict[str, Bundle | None] = {}
    for resource in resources_of(deployment):
        if resource["type"] == MESH:
            mesh = str(resource["urn"]).rpartition("::mesh ")[2]
            begun[mesh] = tuple((resource.get("inputs") or {}).get("bundle") or ()) or None
    trust = {mesh: _trust(reached.get(mesh), bundle) for mesh, bundle in begun.items()}
    return Deployed(trust, _revisions(fleet), dict(_networks(deployment, fleet)))


def deployed_fleet(description: Mapping[str, Any] | None) -> DeployedFleet:
    """What the output `fleet` says, for changes in place; nothing is known where there is none. Raises as above."""
    fleet = _status(description)
    trust_domains = {mesh.name: mesh.trust_domain for mesh in fleet.meshes}
    return DeployedFleet({cluster.name: _cluster(cluster) for cluster in fleet.clusters}, trust_domains)


def _cluster(cluster: Recorded) -> DeployedCluster:
    plane = cluster.control_plane
    ranges = {"podCidr": cluster.pod_cidr, "serviceCidr": cluster.service_cidr}
    return DeployedCluster(
        provider=cluster.provider,
        mesh=cluster.mesh,
        kind=plane.kind if plane else "",
        served_by=plane.of if plane and plane.of != cluster.name else "",
        namespace=plane.namespace if plane else "",
        network=cluster.network,
        istiod_port=cluster.gateway.istiod_port if cluster.gateway else 0,
        # Without a range it has the default; a status of before there were ranges says nothing of them.
        ranges={key: value for key, value in ranges.items() if to_snake(key) in cluster.model_fields_set},
    )


def _status(description: Mapping[str, Any] | None) -> DeployedStatus:
    from meshfleet.status import read_deployed

    try:
        return read_deployed(description or {})
    except VerificationError as error:
        raise EngineError(f"the output fleet of the recorded state cannot be read: {error}") from None


def _networks(deployment: Deployment, fleet: DeployedStatus) -> Iterator[tuple[str, DeployedNetwork]]:
    labelled = {}
    for resource in resources_of(deployment):
        name = str(resource["urn"]).rpartition("::")[2]
        if resource["type"] == NAMESPACE and name.endswith(SYSTEM):
            metadata = (resource.get("inputs") or {}).get("metadata") or {}
            labelled[name.removesuffix(SYSTEM)] = (metadata.get("labels") or {}).get(NETWORK_LABEL)
    for cluster in fleet.clusters:
        if cluster.network:
            gateway = cluster.gateway.network if cluster.gateway else ""
            begun = labelled.get(cluster.name) or cluster.network
            yield cluster.name, DeployedNetwork(cluster.network, begun, gateway)


def _revisions(fleet: DeployedStatus) -> DeployedRevisions | None:
    """The revisions of the last run that completed, which are the same in every cluster."""
    plane = fleet.clusters[0].control_plane if fleet.clusters else None
    if not plane or not plane.revisions:
        return None
    if not all([plane.revision, plane.gateway_revision, *(revision.version for revision in plane.revisions)]):
        raise unreadable("its control planes have revisions without a release, in the output fleet")
    installed = {revision.name: revision.version for revision in plane.revisions}
    return DeployedRevisions(installed, plane.gateway_revision, plane.revision)


def _trust(reached: Bundle | None, begun: Bundle | None) -> DeployedTrust:
    # A state of the time before roots had names has neither; a first run that was interrupted has reached nothing.
    known = begun or reached or (DEFAULT_ROOT,)
    return DeployedTrust(reached or known, known)


def _reached(fleet: DeployedStatus) -> Iterator[tuple[str, Bundle]]:
    for mesh in fleet.meshes:
        signing = mesh.signing or DEFAULT_ROOT
        yield mesh.name, (signing, *(root.name for root in mesh.roots if root.name != signing))
