"""Rights that clusters still give although the stack file does not, after an `up` that did not reach them.

Told by name, since a revocation of which one cluster knows nothing is none. Read from the recorded state, which has
what an update or a deletion that failed has left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshfleet.automation.state.recorded_state import Deployment, resources_of
from meshfleet.federation.affinity import listed
from meshfleet.manifests import identities
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fleet
from meshfleet.topology.rbac.identities import USERS_NAMESPACE

_MOST = 5
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def pending_revocations(fleet: Fleet, deployment: Deployment) -> list[str]:
    """A line for each cluster that still gives rights that the stack file no longer does."""
    kept = {cluster: dict.fromkeys(_kept(fleet, deployment, cluster)) for cluster in fleet.clusters}
    return [
        f"{cluster}: not revoked there yet: {listed(found, _MOST)}; these rights hold until meshfleet up reaches the "
        "cluster"
        for cluster, found in kept.items()
        if found
    ]


def _kept(fleet: Fleet, deployment: Deployment, cluster: str) -> Iterator[str]:
    """Subjects with the binding that they still have, and roles with rules of before."""
    documents = identities.documents(fleet, cluster, Placeholders(fleet))
    declared = {one.name: one.body for one in documents if isinstance(one.body, dict)}
    for resource in resources_of(deployment):
        place, _, document = str(resource["urn"]).rpartition("::")[2].partition("/")
        recorded = resource.get("inputs") or {}
        if place != cluster or not document.startswith("identity-"):
            continue
        wanted = declared.get(document, {})
        if recorded.get("kind") in _BINDINGS:
            left = wanted.get("subjects", []) if wanted.get("roleRef") == recorded.get("roleRef") else []
            given = (one for one in recorded.get("subjects") or () if isinstance(one, dict) and one not in left)
            for subject in given:
                # Who has the account of a user is named as the user.
                if subject.get("namespace") != USERS_NAMESPACE:
                    yield f"{_words(subject)} by {_name(recorded)}"
        elif recorded.get("kind") == "ClusterRole" and recorded.get("rules") != wanted.get("rules"):
            yield f"the former rules of {_name(recorded)}"


def _words(subject: Mapping[str, Any]) -> str:
    name = shown(str(subject.get("name")))
    if subject.get("kind") == "ServiceAccount":
        return f"the service account {subject.get('namespace')}/{subject.get('name')}"
    return f"the group {name}" if subject.get("kind") == "Group" else name


def _name(recorded: Mapping[str, Any]) -> str:
    return str((recorded.get("metadata") or {}).get("name"))
