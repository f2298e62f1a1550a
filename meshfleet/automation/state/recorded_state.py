"""The recorded state of a stack as Pulumi exports it: what is in it, and what is left without some of it. Pure.

Format: type DeploymentV3 and ResourceV3 in sdk/go/common/apitype/core.go of pulumi/pulumi; what must hold of it:
VerifyIntegrity in pkg/resource/deploy/snapshot.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.errors import EngineError
from meshfleet.providers.registry import BUILT, provider_of

Deployment = dict[str, Any]
Resource = dict[str, Any]

# The components of a cluster itself; they are there before anything of it is.
CLUSTERS = tuple(f"{COMPONENT_PREFIX}{provider_of(name).component}" for name in BUILT)
FLEET = f"{COMPONENT_PREFIX}Fleet"
EMBEDDED_CLUSTER = "meshfleet:index:EmbeddedCluster"
KIND_CLUSTER = "meshfleet:index:KindCluster"
CLUSTER_IDENTITY = "meshfleet:index:ClusterIdentity"
OWN_PLUGIN = "meshfleet:index:"
STACK = "pulumi:pulumi:Stack"


# The fields of a resource that are read here, and what they are where they are not left out.
FIELDS: dict[str, type] = {
    **dict.fromkeys(("urn", "type", "id", "parent", "provider", "deletedWith"), str),
    **dict.fromkeys(("inputs", "outputs", "propertyDependencies"), dict),
    **dict.fromkeys(("dependencies", "replaceWith"), list),
}


def resources_of(deployment: Deployment) -> list[Resource]:
    """Every recorded resource; none in a stack that was never brought up.

    Raises EngineError for a state of another shape than Pulumi exports.
    """
    found = deployment.get("resources") or []
    if not isinstance(found, list):
        raise unreadable("its resources are no list")
    for resource in found:
        if not isinstance(resource, dict) or not isinstance(resource.get("urn"), str):
            raise unreadable("a resource has no urn")
        wrong = [
            name
            for name, kind in FIELDS.items()
            if resource.get(name) is not None and not isinstance(resource[name], kind)
        ]
        if wrong or not resource.get("type"):
            raise unreadable(f"a resource has another {', '.join(wrong) or 'type'} than it should")
    return list(found)


def unreadable(reason: str) -> EngineError:
    """The error for a state that this version of meshfleet cannot read."""
    return EngineError(
        f"the recorded state of the stack is damaged or of another version ({reason}); use the meshfleet that wrote "
        "it, or put an earlier state in its place with pulumi stack import"
    )


def description_of(deployment: Deployment) -> dict[str, Any] | None:
    """The document in the output `fleet` of the stack, of whatever version (meshfleet/status/ reads it).

    None before the first run. Raises EngineError.
    """
    for resource in resources_of(deployment):
        fleet = (resource.get("outputs") or {}).get("fleet") if resource["type"] == STACK else None
        if isinstance(fleet, dict):
            return fleet
    return None


def salt_of(deployment: Deployment) -> str:
    """The salt of the passphrase that the secrets in it are encrypted with; empty when another provider does it."""
    providers = deployment.get("secrets_providers") or {}
    state = providers.get("state") if isinstance(providers, dict) and providers.get("type") == "passphrase" else None
    salt = state.get("salt") if isinstance(state, dict) else None
    return salt if isinstance(salt, str) else ""


def fleets_of(deployment: Deployment) -> frozenset[str]:
    """The names of the fleets that its clusters on this machine were made for: the stack's, unless it was renamed."""
    found = (
        (resource.get("inputs") or {}).get("fleet")
        for resource in resources_of(deployment)
        if resource["type"] in (EMBEDDED_CLUSTER, KIND_CLUSTER)
    )
    return frozenset(str(fleet) for fleet in found if isinstance(fleet, str))


def clusters_of(deployment: Deployment) -> tuple[str, ...]:
    """The clusters of which anything is recorded, sorted by name."""
    named = {_cluster_of(resource) for resource in resources_of(deployment)}
    components = {_name(resource) for resource in resources_of(deployment) if resource["type"] in CLUSTERS}
    return tuple(sorted((named | components) - {""}))


def embedded_clusters_of(deployment: Deployment) -> dict[str, str]:
    """The embedded clusters that are recorded as made: the URN of each by the cluster's name."""
    return {
        _cluster_of(resource): str(resource["urn"])
        for resource in resources_of(deployment)
        if resource["type"] == EMBEDDED_CLUSTER
    }


def containers_of(deployment: Deployment) -> dict[str, Resource]:
    """The recorded resource with the nodes of each cluster whose nodes are containers, by the cluster's name."""
    return {
        _cluster_of(resource): resource
        for resource in resources_of(deployment)
        if resource["type"] == KIND_CLUSTER and not resource.get("delete")
    }


def identities_of(deployment: Deployment) -> dict[str, str]:
    """The recorded identity of each cluster by its name; a cluster of an earlier release may have none."""
    return {
        _cluster_of(resource): identity
        for resource in resources_of(deployment)
        # What is replaced and not deleted yet speaks of the cluster that was there before.
        if resource["type"] in (EMBEDDED_CLUSTER, CLUSTER_IDENTITY) and not resource.get("delete")
        if isinstance(identity := (resource.get("outputs") or {}).get("identity"), str) and identity
    }


def existing_clusters_of(deployment: Deployment) -> dict[str, Resource]:
    """The recorded resource through which each existing cluster is reached, by the cluster's name."""
    return {
        _cluster_of(resource): resource
        for resource in resources_of(deployment)
        if resource["type"] == CLUSTER_IDENTITY and not resource.get("delete")
    }


def inside(deployment: Deployment, cluster: str) -> frozenset[str]:
    """The URNs of all that is gone when a cluster is another one: what is its own, and what was made through it.

    The latter are resources of this project's plugin that were given the kubeconfig of the cluster, such as an istiod
    that it hosts for another one.
    """
    own = belonging_to(deployment, cluster)
    access = {str(one["urn"]) for name, one in existing_clusters_of(deployment).items() if name == cluster}
    through = {
        str(resource["urn"])
        for resource in resources_of(deployment)
        if str(resource["type"]).startswith(OWN_PLUGIN)
        and any(access & set(urns or ()) for urns in (resource.get("propertyDependencies") or {}).values())
    }
    return own | through


def belonging_to(deployment: Deployment, cluster: str) -> frozenset[str]:
    """The URNs of all that is a cluster's: components by its name, children `<cluster>/...`, its provider.

    And all that only its provider could reach, whatever it is called.
    """
    found = {
        str(resource["urn"])
        for resource in resources_of(deployment)
        if _cluster_of(resource) == cluster
        # A stack may have the name of one of its clusters.
        or (_name(resource) == cluster and _is_component(resource) and resource["type"] != FLEET)
    }
    return frozenset(
        found | {str(resource["urn"]) for resource in resources_of(deployment) if _provider(resource) in found}
    )


def gone_with(deployment: Deployment, urn: str) -> frozenset[str]:
    """A resource and all that vanishes together with it (`deletedWith`), whose provider may stay."""
    found = {urn}
    for resource in resources_of(deployment):
        # What something depends on is recorded before it.
        if resource.get("deletedWith") in found or found & set(resource.get("replaceWith") or ()):
            found.add(str(resource["urn"]))
    return frozenset(found)


def without(deployment: Deployment, removed: Collection[str]) -> Deployment:
    """The same state without these resources, and without a word of them in those that stay.

    A child of another cluster whose parent goes is left to its grandparent: the next run knows it no more and
    removes it as it removes anything, there where it is.
    """
    gone = frozenset(removed)
    parents = {str(resource["urn"]): str(resource.get("parent") or "") for resource in resources_of(deployment)}
    kept = [
        _separated(resource, gone, parents) for resource in resources_of(deployment) if str(resource["urn"]) not in gone
    ]
    pending = [
        operation
        for operation in deployment.get("pending_operations") or []
        if operation.get("resource", {}).get("urn") not in gone
    ]
    left = {**deployment, "resources": kept}
    if "pending_operations" in deployment:
        left["pending_operations"] = pending
    return left


def without_pending(deployment: Deployment, keep: Collection[str] = ()) -> Deployment:
    """The same state without its pending operations but for those on resources of clusters to `keep`."""
    pending = deployment.get("pending_operations")
    if not pending:
        return deployment
    kept = [operation for operation in pending if _cluster_of(operation.get("resource") or {"urn": ""}) in keep]
    left = {key: value for key, value in deployment.items() if key != "pending_operations"}
    return {**left, "pending_operations": kept} if kept else left


def without_description(deployment: Deployment, clusters: Collection[str]) -> Deployment:
    """The same state, whose output `fleet` tells nothing of these clusters any more."""
    return {
        **deployment,
        "resources": [_told_less(resource, clusters) for resource in resources_of(deployment)],
    }


def _separated(resource: Resource, gone: frozenset[str], parents: Mapping[str, str]) -> Resource:
    left = dict(resource)
    for key in ("dependencies", "replaceWith"):
        if key in left:
            left[key] = [urn for urn in left[key] or [] if urn not in gone]
    if "propertyDependencies" in left:
        left["propertyDependencies"] = {
            name: [urn for urn in urns or [] if urn not in gone]
            for name, urns in (left["propertyDependencies"] or {}).items()
        }
    if left.get("deletedWith") in gone:
        del left["deletedWith"]
    while left.get("parent") in gone:
        left["parent"] = parents[left["parent"]]
    return left


def _told_less(resource: Resource, clusters: Collection[str]) -> Resource:
    from meshfleet.status import without_clusters

    fleet = (resource.get("outputs") or {}).get("fleet") if resource["type"] == STACK else None
    if not isinstance(fleet, dict):
        return resource
    return {**resource, "outputs": {**resource["outputs"], "fleet": without_clusters(fleet, clusters)}}


def _name(resource: Resource) -> str:
    return str(resource["urn"]).rpartition("::")[2]


def _cluster_of(resource: Resource) -> str:
    cluster, separator, _ = _name(resource).partition("/")
    return cluster if separator and not cluster.startswith("mesh ") else ""


def _is_component(resource: Resource) -> bool:
    return str(resource["type"]).startswith(COMPONENT_PREFIX)


def _provider(resource: Resource) -> str:
    """The URN of a resource's provider; the reference has its ID behind it."""
    return str(resource.get("provider") or "").rpartition("::")[0]
