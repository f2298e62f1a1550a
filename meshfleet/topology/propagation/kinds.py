"""Kinds of objects: which of Kubernetes itself are in a namespace, and what an object is known by.

Source: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/ and, for scopes, `kubectl api-resources`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

API_VERSION: Final = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?v[1-9][a-z0-9]*")
KIND: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")

NAMESPACE: Final = ("", "Namespace")
SECRET: Final = ("", "Secret")
CONFIG_MAP: Final = ("", "ConfigMap")
DEFINITION: Final = ("apiextensions.k8s.io", "CustomResourceDefinition")

_NAMESPACED: Final = {
    "": "ConfigMap Endpoints LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota "
    "Secret Service ServiceAccount",
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "Role RoleBinding",
    "resource.k8s.io": "ResourceClaim ResourceClaimTemplate",
    "scheduling.k8s.io": "Workload",
    "storage.k8s.io": "CSIStorageCapacity",
}
_CLUSTER: Final = {
    "": "Namespace PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}
SCOPES: Final = {
    (group, kind): namespaced
    for namespaced, groups in ((True, _NAMESPACED), (False, _CLUSTER))
    for group, kinds in groups.items()
    for kind in kinds.split()
}
"""Group and kind of what API servers keep by themselves -> whether it is in a namespace."""

# Groups of Kubernetes whose objects clusters compute on request and do not store, or write themselves.
_NOT_KEPT: Final = frozenset(
    {"authentication.k8s.io", "authorization.k8s.io", "events.k8s.io", "internal.apiserver.k8s.io", "metrics.k8s.io"}
)
KUBERNETES_GROUPS: Final = frozenset({group for group, _ in SCOPES} | _NOT_KEPT)

_ELSEWHERE: Final = {
    "networking.istio.io": frozenset[str](),
    "security.istio.io": frozenset[str](),
    "telemetry.istio.io": frozenset[str](),
    "extensions.istio.io": frozenset[str](),
    "gateway.networking.k8s.io": frozenset({"GatewayClass"}),
    "cert-manager.io": frozenset({"ClusterIssuer"}),
    "acme.cert-manager.io": frozenset[str](),
}
"""Groups of custom resources that the fleet may define -> their kinds that are in no namespace."""
ISTIO_GROUPS: Final = frozenset(group for group in _ELSEWHERE if group.endswith(".istio.io"))
GATEWAY_API_GROUPS: Final = frozenset({"gateway.networking.k8s.io"})
CERT_MANAGER_GROUPS: Final = frozenset({"cert-manager.io", "acme.cert-manager.io"})


_ALWAYS: Final = frozenset(
    {
        *("v1", "apps/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1", "policy/v1"),
        *("admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1"),
        *("certificates.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "networking.k8s.io/v1"),
        *("node.k8s.io/v1", "rbac.authorization.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1"),
    }
)
# Kinds that these versions did not have from the first.
_LATER: Final = frozenset(
    {
        *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"),
        *("ValidatingAdmissionPolicyBinding", "ClusterTrustBundle", "PodCertificateRequest", "LeaseCandidate"),
        *("IPAddress", "ServiceCIDR", "VolumeAttributesClass", "Workload"),
    }
)


class ObjectKey(NamedTuple):
    """What an object is known by in a cluster, whatever the version of its API; `namespace` is empty for none."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f" in the namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind}{f' ({self.group})' if self.group else ''} {self.name}{place}"

    @property
    def short(self) -> str:
        """The same as people write it beside others: Deployment shop/web."""
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


def group_of(body: Mapping[str, Any]) -> str:
    """The API group of an object; empty for that of the core."""
    return str(body["apiVersion"]).rpartition("/")[0]


JOB: Final = ("batch", "Job")
REPLICA_FIELDS: Final = {
    ("", "ReplicationController"): "replicas",
    ("apps", "Deployment"): "replicas",
    ("apps", "ReplicaSet"): "replicas",
    ("apps", "StatefulSet"): "replicas",
    JOB: "parallelism",
}
"""Group and kind of what runs pods by number -> the field of `spec` with the number, 1 where it is left out."""


def mapping(value: object) -> Mapping[str, Any]:
    """A part of a user's object where it is a mapping; an empty one where it is anything else."""
    return value if isinstance(value, Mapping) else {}


def kind_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Group and kind of an object."""
    return group_of(body), str(body["kind"])


def key_of(body: Mapping[str, Any]) -> ObjectKey:
    """What an object is known by."""
    described = body["metadata"]
    return ObjectKey(*kind_of(body), str(described.get("namespace") or ""), str(described["name"]))


def is_namespaced(group: str, kind: str) -> bool | None:
    """Whether objects of a kind are in a namespace; None for custom resources whose definition says so."""
    if (group, kind) in SCOPES:
        return SCOPES[group, kind]
    return None if group not in _ELSEWHERE else kind not in _ELSEWHERE[group]


def is_always_served(api_version: str, kind: str) -> bool:
    """Whether every API server serves a kind of Kubernetes itself in that version; of others it has to be asked."""
    group = api_version.rpartition("/")[0]
    return api_version in _ALWAYS and kind not in _LATER and (group, kind) in SCOPES


def versions_of(group: str, kind: str) -> tuple[str, ...]:
    """The API versions that a kind of Kubernetes is served in by every cluster; none where they differ."""
    if kind in _LATER or (group, kind) not in SCOPES:
        return ()
    return tuple(sorted(version for version in _ALWAYS if version.rpartition("/")[0] == group))


def kinds_of(group: str) -> tuple[str, ...]:
    """The kinds of a group of Kubernetes itself; none for another group."""
    return tuple(sorted(kind for known, kind in SCOPES if known == group))
