"""What kind of object a resource is: its group, version, plural name and scope.

The scope decides about URLs and default namespaces. It comes from the server's discovery documents, one per
group and version, kept for the life of the plugin; a kind that is missing from a kept document is looked for once
more, because its CustomResourceDefinition may have been created by this very run.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import UnsupportedError
from meshfleet.kube.api_errors import expected_form
from meshfleet.kube.loading import load_lightkube
from meshfleet.plugins.kubernetes.faults import KindMissingError, RefusedError
from meshfleet.plugins.kubernetes.values import JsonObject

# Known without asking, so that a run with nothing to do needs no cluster.
_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("gateway.networking.k8s.io", "GatewayClass"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "StorageClass"),
    }
)


@dataclass(frozen=True)
class GroupVersionKind:
    """An object's kind as a manifest names it; `group` is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def cluster_scoped(self) -> bool:
        """Whether it is known, without asking a server, to live outside of any namespace."""
        return (self.group, self.kind) in _CLUSTER_SCOPED


@dataclass(frozen=True)
class Kind:
    """A kind as one server knows it; `resource` is lightkube's class for it."""

    identity: GroupVersionKind
    plural: str
    namespaced: bool
    resource: Any

    def path(self, namespace: str | None) -> str:
        """The URL path of the collection."""
        root = f"/apis/{self.identity.api_version}" if self.identity.group else f"/api/{self.identity.version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}"

    def describe(self, namespace: str | None, name: str) -> str:
        """How messages name one object: `Secret istio-system/cacerts`."""
        return f"{self.identity.kind} {namespace}/{name}" if self.namespaced else f"{self.identity.kind} {name}"


@dataclass(frozen=True)
class ObjectToken:
    """A Pulumi type token of a Kubernetes object, `patch` for its Patch variant."""

    group_version_kind: GroupVersionKind
    patch: bool


def parse_token(token: str, inputs: Mapping[str, Any]) -> ObjectToken:
    """The kind behind a type token such as `kubernetes:apps/v1:DeploymentPatch`; `inputs` say it more exactly.

    Raises UnsupportedError, with what to do, for tokens that are not plain objects.
    """
    parts = token.split(":")
    if len(parts) != 3 or parts[0] != "kubernetes":
        raise unsupported(token)
    module, name = parts[1], parts[2]
    if module.split("/")[0] in ("yaml", "kustomize", "helm.sh") or module == "helm":
        raise unsupported(token)
    kind = inputs.get("kind") if isinstance(inputs.get("kind"), str) else None
    patch = name.endswith("Patch") and kind != name
    kind = kind or (name.removesuffix("Patch") if patch else name)
    if kind.endswith("List") and "items" in inputs:
        raise UnsupportedError(
            f"{token} only exists for compatibility with manifests: create the objects in its `items` one by one"
        )
    api_version = inputs.get("apiVersion") if isinstance(inputs.get("apiVersion"), str) else None
    group, _, version = (api_version or module).rpartition("/")
    return ObjectToken(GroupVersionKind("" if group == "core" else group, version, kind), patch)


def unsupported(token: str) -> UnsupportedError:
    """The error for what only the official plugin can do."""
    return UnsupportedError(
        f"the stand-in for the Kubernetes plugin does not support {token}: declare the objects one by one or as a "
        "helm.sh/v3 Release, or install the official plugin (pulumi plugin install resource kubernetes)"
    )


class Kinds:
    """The kinds of one server. `fetch` gets a path's JSON: `Connection.fetch`. May be shared by threads."""

    def __init__(self, fetch: Callable[[str, str], JsonObject]) -> None:
        self._fetch = fetch
        self._documents: dict[str, dict[str, Kind]] = {}
        self._lock = threading.Lock()

    def find(self, identity: GroupVersionKind) -> Kind:
        """The kind as this server knows it. Raises KindMissingError if it does not."""
        kind = self._documents.get(identity.api_version, {}).get(identity.kind)
        if kind is not None:
            return kind
        with self._lock:
            # Many resources of one kind start at once; the first one's answer serves them all.
            kind = self._documents.get(identity.api_version, {}).get(identity.kind)
            if kind is None:
                self._documents[identity.api_version] = self._read(identity)
                kind = self._documents[identity.api_version].get(identity.kind)
        if kind is None:
            raise KindMissingError(
                f"the API server has no kind {identity.kind} in {identity.api_version}: create its "
                "CustomResourceDefinition first, and make this resource depend on it"
            )
        return kind

    def _read(self, identity: GroupVersionKind) -> dict[str, Kind]:
        root = f"/apis/{identity.api_version}" if identity.group else f"/api/{identity.version}"
        try:
            listed = self._fetch(root, f"the kinds of {identity.api_version}")
        except RefusedError as error:
            if error.code == 404:
                return {}
            raise
        document: dict[str, Kind] = {}
        with expected_form(f"the kinds of {identity.api_version}"):
            for entry in listed.get("resources") or []:
                if "/" in entry["name"]:
                    continue
                namespaced = bool(entry["namespaced"])
                found = GroupVersionKind(identity.group, identity.version, entry["kind"])
                resource = _resource(found, entry["name"], namespaced)
                document[entry["kind"]] = Kind(found, entry["name"], namespaced, resource)
        return document


_RESOURCES: dict[tuple[GroupVersionKind, str, bool], Any] = {}
_RESOURCES_LOCK = threading.Lock()


def _resource(identity: GroupVersionKind, plural: str, namespaced: bool) -> Any:
    """The class that lightkube has for a kind; its registry takes each only once and is not made for threads."""
    load_lightkube()
    from lightkube.generic_resource import create_global_resource, create_namespaced_resource

    key = (identity, plural, namespaced)
    with _RESOURCES_LOCK:
        if key not in _RESOURCES:
            make = create_namespaced_resource if namespaced else create_global_resource
            _RESOURCES[key] = make(identity.group, identity.version, identity.kind, plural)
        return _RESOURCES[key]
