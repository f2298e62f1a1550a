"""Objects that a cluster has already, as resources of the state: what the engine then does to them is an update. Pure.

An engine that is to create an object finds it there, and either fails or takes whatever it finds. So what is to be
taken over is recorded first, as it was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.automation.state.recorded_state import Deployment, Resource, resources_of, without
from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.manifests.propagated_mark import mark_of
from meshfleet.manifests.propagations import SECTION
from meshfleet.topology.propagation.kinds import ObjectKey, key_of

_PROVIDER = "pulumi:providers:kubernetes"


@dataclass(frozen=True)
class Ground:
    """What the state has to have of a cluster before an object of it can be recorded: component and provider."""

    component: Resource
    provider: str

    def urn(self, token: str, cluster: str, document: str) -> str:
        """The URN of a document of the cluster, of the type `token`."""
        head, separator, _ = str(self.component["urn"]).rpartition("::")
        return f"{head}${token}{separator}{cluster}/{document}"


@dataclass(frozen=True)
class TakenObject:
    """A recorded resource for an object of a cluster, and what the object is known by there.

    `ours` says that this stack made it; `live` is the object.
    """

    cluster: str
    key: ObjectKey
    resource: Resource
    ours: bool
    live: dict[str, Any]


def ground_of(deployment: Deployment, cluster: str) -> Ground | None:
    """What objects of a cluster are recorded below; None where an `up` has not made it yet."""
    component, provider = None, ""
    for resource in resources_of(deployment):
        name = str(resource["urn"]).rpartition("::")[2]
        if resource.get("delete"):
            continue
        if resource["type"] == f"{COMPONENT_PREFIX}{SECTION.component}" and name == cluster:
            component = resource
        elif resource["type"] == _PROVIDER and name == f"{cluster}/kubernetes" and resource.get("id"):
            provider = f"{resource['urn']}::{resource['id']}"
    return Ground(component, provider) if component and provider else None


def resource_of(ground: Ground, urn: str, token: str, inputs: Mapping[str, Any], *, keep: bool) -> Resource:
    """A resource without outputs, as of an operation that has begun."""
    return {
        "urn": urn,
        "custom": True,
        "type": token,
        "inputs": dict(inputs),
        "parent": str(ground.component["urn"]),
        "provider": ground.provider,
        "propertyDependencies": {},
        **({"retainOnDelete": True} if keep else {}),
    }


def with_taken(deployment: Deployment, taken: Iterable[TakenObject]) -> Deployment:
    """The state with these objects; without what it had of the same objects under the names of other documents."""
    found = list(taken)
    gone = {urn for one in found for urn in _same(deployment, one)}
    left = without(deployment, gone) if gone else deployment
    known = {resource["urn"] for resource in resources_of(left)}
    new = [one.resource for one in found if one.resource["urn"] not in known]
    return {**left, "resources": [*resources_of(left), *new]}


def _same(deployment: Deployment, taken: TakenObject) -> Iterable[str]:
    for resource in resources_of(deployment):
        urn, inputs = str(resource["urn"]), resource.get("inputs") or {}
        ours = urn.rpartition("::")[2].startswith(f"{taken.cluster}/") and urn != taken.resource["urn"]
        if ours and resource["type"].startswith("kubernetes:") and mark_of(inputs) and key_of(inputs) == taken.key:
            yield urn
