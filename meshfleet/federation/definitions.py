"""What a CustomResourceDefinition says of the objects that it defines.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import mapping


@dataclass(frozen=True)
class Definition:
    """A kind that is defined, with the versions that are served; `namespaced` is None where that is not said."""

    group: str
    kind: str
    versions: tuple[str, ...]
    namespaced: bool | None

    def fault(self, body: Mapping[str, Any]) -> str:
        """Why the definition does not serve an object of its kind; empty where it does."""
        version = str(body["apiVersion"]).rpartition("/")[2]
        if version not in self.versions:
            served = ", ".join(self.versions) or "none"
            return f"version {shown(version)} of {self.kind} is not served by its definition; served are {served}"
        inside = bool(body["metadata"].get("namespace"))
        if self.namespaced is None or self.namespaced == inside:
            return ""
        if inside:
            return f"a {self.kind} is in no namespace, by the scope of its definition; leave metadata.namespace out"
        return f"a {self.kind} is in a namespace, by the scope of its definition; give metadata.namespace"


def definition_of(body: Mapping[str, Any]) -> Definition | None:
    """What a CustomResourceDefinition defines; None for one without a group and a kind."""
    spec = mapping(body.get("spec"))
    group, kind = spec.get("group"), mapping(spec.get("names")).get("kind")
    if not isinstance(group, str) or not isinstance(kind, str):
        return None
    versions = spec.get("versions")
    each = [mapping(version) for version in versions] if isinstance(versions, list) else []
    served = tuple(str(version.get("name")) for version in each if version.get("served") is True)
    return Definition(group, kind, served, {"Namespaced": True, "Cluster": False}.get(str(spec.get("scope"))))
