"""What each object of a propagation is by itself: complete, of a kind that is known, and no part of the fleet.

Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from meshfleet.errors.faults import Fault, from_validation
from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Additions
from meshfleet.topology.draft import Draft
from meshfleet.topology.labels import OWNED_BY_THE_FLEET, LabelKey, LabelValue, checked_annotations
from meshfleet.topology.names import (
    DNS_LABEL,
    LABEL_LENGTH,
    RESERVED_NAMESPACE_PREFIXES,
    RESERVED_NAMESPACES,
    SERVICE_NAME,
    SUBDOMAIN,
    SUBDOMAIN_LENGTH,
)
from meshfleet.topology.owned import ANNOTATIONS, CLUSTER, ITSELF, LABELS, NETWORK, refusal
from meshfleet.topology.owned_paths import Owned, Table
from meshfleet.topology.propagation.kinds import (
    API_VERSION,
    CONFIG_MAP,
    DEFINITION,
    ISTIO_GROUPS,
    KIND,
    KUBERNETES_GROUPS,
    NAMESPACE,
    SCOPES,
    SECRET,
    ObjectKey,
    is_namespaced,
    key_of,
    kind_of,
    kinds_of,
    versions_of,
)
from meshfleet.topology.propagation.taken_names import taken_by

# A ConfigMap and a Secret may hold 1 MiB. etcd takes requests of 1.5 MiB, in which managed fields and the status have
# their place as well. https://kubernetes.io/docs/concepts/configuration/configmap/ and
# https://etcd.io/docs/v3.6/dev-guide/limit/#request-size-limit
LARGEST: Final = 1024 * 1024

# What a Secret may say; all else is what it keeps, or takes for it.
_OF_SECRETS: Final = frozenset({"apiVersion", "kind", "metadata", "type", "immutable", "status"})
_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-object
_DATA_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SEGMENT = re.compile(r"[!-$&-.0-~]+")
_RBAC = "rbac.authorization.k8s.io"
_SET_BY_CLUSTERS: Final = (
    *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName", "generation"),
    *("managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"),
)
# By these Istio knows where something is, and this program and tools what is theirs.
_LABELS: Final = {key: owner for key, owner in LABELS.items() if owner in (ITSELF, CLUSTER, NETWORK)}
_ANNOTATIONS: Final = Table(
    *(Owned((key,), owner) for key, owner in ANNOTATIONS.items() if owner in (ITSELF, CLUSTER, NETWORK))
)
_LABEL_MAP: TypeAdapter[Any] = TypeAdapter(dict[LabelKey, LabelValue])
_ANNOTATION_MAP: TypeAdapter[Any] = TypeAdapter(dict[LabelKey, str])

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def propagated_objects(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each object that no cluster would take, or that is not the user's to declare."""
    seen: dict[ObjectKey, str] = {}
    for name, propagation in draft.propagations.items():
        for position, resource in enumerate(propagation.resources):
            path, body = resource.path(name, position), resource.body
            if faults := list(_shape(path, body)):
                yield from faults
                continue
            key = key_of(body)
            yield from _content(path, body)
            yield from _place(path, body, key)
            if key in seen:
                yield Fault(path, f"declares {key}, as {seen[key]} does; declare it once, and use overrides")
            seen.setdefault(key, path)
            if key[:2] == NAMESPACE and key.name in draft.names["namespaces"]:
                yield Fault(path, f"declares {key}, as namespaces.{key.name} does; remove one of them")


def _shape(path: str, body: Mapping[str, Any]) -> Iterator[Fault]:
    """What has to hold before anything else of an object can be said."""
    version, kind, described = body["apiVersion"], body["kind"], body["metadata"]
    if not API_VERSION.fullmatch(version):
        yield Fault(f"{path}.apiVersion", f"{shown(version)} is not an API version; write it as v1 or apps/v1")
        return
    if not KIND.fullmatch(kind):
        yield Fault(f"{path}.kind", f"{shown(kind)} is not a kind; write it as in ConfigMap")
        return
    group, _ = kind_of(body)
    if kind.endswith("List") and isinstance(body.get("items"), list):
        yield Fault(f"{path}.kind", f"{kind} is a list of objects; give each as a resource of its own")
    elif group in KUBERNETES_GROUPS and is_namespaced(group, kind) is None:
        yield Fault(
            f"{path}.kind",
            f"{shown(kind)} of {version} is no object that clusters keep for a user; known of this group are "
            f"{', '.join(kinds_of(group)) or 'none'}",
        )
    if not _is_name(group, kind, described["name"]):
        yield Fault(f"{path}.metadata.name", f"{shown(described['name'])} is not a name that a {kind} can have")
    namespace = described.get("namespace")
    if namespace is not None and not (
        isinstance(namespace, str) and DNS_LABEL.fullmatch(namespace) and len(namespace) <= LABEL_LENGTH
    ):
        yield Fault(f"{path}.metadata.namespace", f"{shown(namespace)} is not the name of a namespace")
    if (served := versions_of(group, kind)) and version not in served:
        yield Fault(f"{path}.apiVersion", f"no cluster serves {kind} in {version}; write {' or '.join(served)}")
    yield from form_faults(path, body)


def form_faults(path: str, body: Mapping[str, Any]) -> Iterator[Fault]:
    """What has to be a map of keys to values, and is none."""
    for where, inner in _described(body):
        for what in ("labels", "annotations"):
            if inner.get(what) is not None and not isinstance(inner[what], Mapping):
                yield Fault(f"{path}.{where}.{what}", f"{shown(inner[what])} is no map of keys to values")
    if kind_of(body) in SCOPES and body.get("spec") is not None and not isinstance(body["spec"], Mapping):
        yield Fault(f"{path}.spec", f"{shown(body['spec'])} is no map of keys to values")
    if kind_of(body) == CONFIG_MAP:
        for field in ("data", "binaryData"):
            yield from _texts(f"{path}.{field}", body.get(field))


def _texts(path: str, data: object) -> Iterator[Fault]:
    """What of a ConfigMap's data no cluster takes."""
    if data is None:
        return
    if not isinstance(data, Mapping):
        yield Fault(path, f"{shown(data)} is no map of keys to texts")
        return
    for key, value in data.items():
        if not isinstance(value, str):
            yield Fault(f"{path}.{key}", f"must be a string, got {shown(value)}; put it in quotes")
        if key in (".", "..") or not _DATA_KEY.fullmatch(key):
            yield Fault(
                f"{path}.{key}",
                f"{shown(key)} is not a key of a ConfigMap: use at most 253 letters, digits, '-', '_' and '.'",
            )


def _is_name(group: str, kind: str, name: str) -> bool:
    if group == _RBAC:
        # A segment of a path, as under "Path segment names" of the page on names.
        return len(name) <= SUBDOMAIN_LENGTH and name not in (".", "..") and _SEGMENT.fullmatch(name) is not None
    if (group, kind) == NAMESPACE:
        return len(name) <= LABEL_LENGTH and bool(DNS_LABEL.fullmatch(name))
    if (group, kind) == ("", "Service"):
        return len(name) <= LABEL_LENGTH and bool(SERVICE_NAME.fullmatch(name))
    return len(name) <= SUBDOMAIN_LENGTH and bool(SUBDOMAIN.fullmatch(name))


def content_faults(path: str, body: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each part of an object, with overrides, that is of no right form or not the user's to set."""
    yield from list(form_faults(path, body)) or _content(path, body)


def _content(path: str, body: Mapping[str, Any]) -> Iterator[Fault]:
    for field in _SET_BY_CLUSTERS:
        if field in body["metadata"]:
            yield Fault(f"{path}.metadata.{field}", "is set by each cluster; leave it out")
    if "status" in body:
        yield Fault(f"{path}.status", "is written by each cluster; leave it out")
    for where, described in _described(body):
        if labels := described.get("labels"):
            yield from _labels(f"{path}.{where}.labels", labels, kind_of(body))
        if annotations := described.get("annotations"):
            yield from _annotations(f"{path}.{where}.annotations", annotations)
    if kind_of(body) == SECRET and (held := [key for key in body if key not in _OF_SECRETS and body[key]]):
        yield Fault(
            f"{path}.{held[0]}",
            "is a secret in plain text, which a stack file is no place for; create the Secret in the clusters by "
            "another way (a secret store with an operator, `kubectl create secret`), and name it in pod templates",
        )
    if fault := size_fault(body):
        yield Fault(path, fault)


def size_fault(body: Mapping[str, Any]) -> str:
    """What is wrong with the size of an object as it is sent to an API server; empty if nothing."""
    size = len(_COMPACT.encode(body).encode(errors="replace"))
    if size <= LARGEST:
        return ""
    return f"has {size} bytes as JSON; at most {LARGEST} are allowed, since etcd refuses larger objects"


def _described(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The metadata of an object and of its pod templates, with their places."""
    yield "metadata", body["metadata"]
    for steps in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        found: Any = body
        for step in (*steps, "metadata"):
            found = found.get(step) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            yield ".".join((*steps, "metadata")), found


def _labels(path: str, labels: Mapping[str, Any], kind: tuple[str, str]) -> Iterator[Fault]:
    try:
        _LABEL_MAP.validate_python(dict(labels), strict=True)
    except ValidationError as error:
        yield from from_validation(path, error, Additions)
        return
    for key, value in labels.items():
        if kind == NAMESPACE and key in OWNED_BY_THE_FLEET:
            yield Fault(f"{path}.{key}", "is set by the fleet; declare the namespace in namespaces for it")
        elif key in _LABELS and (key, value) != ("app.kubernetes.io/managed-by", "meshfleet"):
            yield Fault(f"{path}.{key}", refusal(_LABELS[key]))


def _annotations(path: str, annotations: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        checked_annotations(_ANNOTATION_MAP.validate_python(dict(annotations), strict=True))
    except ValidationError as error:
        yield from from_validation(path, error, Additions)
    except ValueError as error:
        yield Fault(path, str(error))
    else:
        if _APPLIED in annotations:
            yield Fault(
                f"{path}.{_APPLIED}", "is a copy of the object that kubectl keeps, secrets included; leave it out"
            )
        for (key, *_), (owner, _) in _ANNOTATIONS.found_in(annotations).items():
            yield Fault(f"{path}.{key}", refusal(owner))


def _place(path: str, body: Mapping[str, Any], key: ObjectKey) -> Iterator[Fault]:
    """Whether an object is where its kind is, and not where the fleet's control planes are."""
    namespaced = is_namespaced(key.group, key.kind)
    if namespaced and not key.namespace:
        yield Fault(f"{path}.metadata.namespace", f"missing; a {key.kind} is in a namespace, such as default")
    if namespaced is False and key.namespace:
        yield Fault(f"{path}.metadata.namespace", f"a {key.kind} is in no namespace; leave it out")
    here, where = (key.name, "name") if key[:2] == NAMESPACE else (key.namespace, "namespace")
    # Objects may be in `default`, which every cluster has.
    taken = here in RESERVED_NAMESPACES and (where == "name" or here != "default")
    if taken or here.startswith(RESERVED_NAMESPACE_PREFIXES):
        yield Fault(
            f"{path}.metadata.{where}",
            f"the namespace {shown(here)} is of Kubernetes, of Istio or of the fleet; use one of your own",
        )
    if owner := taken_by(key):
        yield Fault(f"{path}.metadata.name", f"{key} is made by {owner} in every cluster; give it another name")
    if key[:2] == DEFINITION:
        spec = body.get("spec")
        names = spec.get("names") if isinstance(spec, Mapping) else None
        plural = names.get("plural") if isinstance(names, Mapping) else None
        group = spec.get("group") if isinstance(spec, Mapping) else None
        if not isinstance(group, str) or key.name != f"{plural}.{group}":
            yield Fault(f"{path}.metadata.name", f"{shown(key.name)} is not <plural>.<group> of what it defines")
        elif group in KUBERNETES_GROUPS or "." not in group:
            yield Fault(
                f"{path}.spec.group",
                f"{shown(group)} is a group of Kubernetes; use one of your own, such as shop.example",
            )
        elif group in ISTIO_GROUPS:
            yield Fault(
                path, f"defines a kind of {group}, which the fleet installs with Istio; propagate objects of it alone"
            )
        else:
            yield from _definition(path, spec if isinstance(spec, Mapping) else {}, names)


def _definition(path: str, spec: Mapping[str, Any], names: object) -> Iterator[Fault]:
    """What a definition has to say for its objects to be known by it."""
    kind = names.get("kind") if isinstance(names, Mapping) else None
    if not isinstance(kind, str) or not KIND.fullmatch(kind):
        yield Fault(f"{path}.spec.names.kind", f"{shown(kind)} is not a kind; write it as in ConfigMap")
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield Fault(f"{path}.spec.scope", f"must be Namespaced or Cluster, got {shown(spec.get('scope'))}")
    versions = spec.get("versions")
    if not isinstance(versions, list) or not versions:
        yield Fault(f"{path}.spec.versions", f"{shown(versions)} is no list of versions; give the one that is served")
