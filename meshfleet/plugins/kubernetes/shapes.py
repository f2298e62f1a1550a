"""The shapes of one object: as a program declares it, as it is applied, as it is recorded. Pure functions."""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Final

from meshfleet.plugins.kubernetes.annotations import DELETION_PROPAGATION, PATCH_FIELD_MANAGER, annotation
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, Kind
from meshfleet.plugins.kubernetes.values import JsonObject, at

# Set by the server; in inputs they would only cause conflicts.
_SERVER_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
# Outputs leave out what changes by itself, so that a refresh of an untouched cluster shows nothing.
_RESTLESS_METADATA: Final = (
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
)
# Programs read addresses from these; the status of other kinds only says how they are doing.
_STATUS_KEPT: Final = frozenset({("", "Service"), ("networking.k8s.io", "Ingress"), ("", "Pod")})


def field_manager(urn: str, inputs: JsonObject, recorded: str | None) -> str:
    """The field manager of a resource: what its annotation says, what its state says, else one made from its URN."""
    chosen = annotation(inputs, PATCH_FIELD_MANAGER)
    return chosen or recorded or f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def stable(identity: GroupVersionKind, live: JsonObject) -> JsonObject:
    """The live object without what changes by itself: version counters, field owners, most of status."""
    kept = {key: value for key, value in live.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in live["metadata"].items() if key not in _RESTLESS_METADATA}
    if (identity.group, identity.kind) in _STATUS_KEPT and at(live, "status", "loadBalancer") is not None:
        kept["status"] = {"loadBalancer": live["status"]["loadBalancer"]}
    elif identity.kind == "Pod" and not identity.group and at(live, "status", "podIP"):
        kept["status"] = {key: live["status"][key] for key in ("podIP", "hostIP") if key in live["status"]}
    return kept


def as_inputs(live: JsonObject) -> JsonObject:
    """What a program would have to say for an object found in a cluster (import)."""
    inputs = {key: copy.deepcopy(value) for key, value in live.items() if key != "status"}
    inputs["metadata"] = {key: value for key, value in inputs["metadata"].items() if key not in _SERVER_METADATA}
    return inputs


def body(kind: Kind, inputs: JsonObject) -> JsonObject:
    """The manifest to apply: the inputs without what only the server may set, in the right scope."""
    body: JsonObject = {key: value for key, value in inputs.items() if key != "status"}
    metadata = {key: value for key, value in inputs["metadata"].items() if key not in _SERVER_METADATA}
    if not kind.namespaced:
        metadata.pop("namespace", None)
    return {
        **body,
        "apiVersion": kind.identity.api_version,
        "kind": kind.identity.kind,
        "metadata": metadata,
    }


def identity(kind: Kind, namespace: str | None, name: str) -> JsonObject:
    """A manifest that asks for nothing: applied, it gives up every field its manager held."""
    metadata: dict[str, Any] = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {
        "apiVersion": kind.identity.api_version,
        "kind": kind.identity.kind,
        "metadata": metadata,
    }


def cascade(identity: GroupVersionKind, inputs: JsonObject) -> str:
    """In the foreground for what owns pods: it is gone once they are.

    Everything else in the background, unlike the official provider: the foreground takes the garbage collector's
    help, and that needs up to half a minute to learn of a kind whose definition is new.
    """
    chosen = (annotation(inputs, DELETION_PROPAGATION) or "").lower()
    named = {
        "orphan": "Orphan",
        "background": "Background",
        "foreground": "Foreground",
    }
    owns_pods = identity.group in ("apps", "batch") or identity.kind == "ReplicationController"
    return named.get(chosen, "Foreground" if owns_pods else "Background")
