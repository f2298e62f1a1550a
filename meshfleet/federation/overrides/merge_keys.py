"""How a strategic merge patch merges the lists of Kubernetes' own kinds.

A list that is not here is replaced as a whole. The keys are the tags `patchStrategy` and `patchMergeKey` of the fields
of https://github.com/kubernetes/api (types.go of every group), without those of `status`, which a cluster writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from meshfleet.topology.propagation.kinds import group_of

PRIMITIVES: Final = ""
"""In place of a merge key: the entries are texts, and those of the patch are added."""


@dataclass(frozen=True)
class Schema:
    """What is merged in a value: for a list by which key, for a mapping in which of its fields.

    `key` is None for a list that is replaced as a whole. `replaced` is for a mapping that is.
    """

    fields: Mapping[str, Schema] = field(default_factory=dict)
    key: str | None = None
    replaced: bool = False

    def at(self, name: str) -> Schema:
        """That of a field."""
        return self.fields.get(name, _PLAIN)


def _by(key: str, fields: Mapping[str, Schema] | None = None) -> Schema:
    return Schema(fields or {}, key)


_PLAIN: Final = Schema()
_METADATA: Final = Schema({"finalizers": _by(PRIMITIVES), "ownerReferences": _by("uid")})
_CONTAINER: Final = {
    "env": _by("name"),
    # By the number alone: of two ports with one number the first is changed, whatever their protocols are.
    "ports": _by("containerPort"),
    "volumeDevices": _by("devicePath"),
    "volumeMounts": _by("mountPath"),
}
_VOLUME: Final = {"ephemeral": Schema({"volumeClaimTemplate": Schema({"metadata": _METADATA})})}
_POD: Final = Schema(
    {
        "containers": _by("name", _CONTAINER),
        "ephemeralContainers": _by("name", _CONTAINER),
        "hostAliases": _by("ip"),
        "imagePullSecrets": _by("name"),
        "initContainers": _by("name", _CONTAINER),
        "resourceClaims": _by("name"),
        "schedulingGates": _by("name"),
        "topologySpreadConstraints": _by("topologyKey"),
        "volumes": _by("name", _VOLUME),
    }
)


def _kind(fields: Mapping[str, Schema] | None = None) -> Schema:
    return Schema({"metadata": _METADATA, **(fields or {})})


def _spec(fields: Mapping[str, Schema]) -> Schema:
    return _kind({"spec": Schema(fields)})


_POD_TEMPLATE: Final = Schema({"metadata": _METADATA, "spec": _POD})
_TEMPLATE: Final = _spec({"template": _POD_TEMPLATE})
_JOB: Final = Schema({"metadata": _METADATA, "spec": Schema({"template": _POD_TEMPLATE})})
_CONDITIONS: Final = {"matchConditions": _by("name")}
_WEBHOOKS: Final = _kind({"webhooks": _by("name", _CONDITIONS)})
_ANY: Final = _kind()

_KINDS: Final[Mapping[tuple[str, str], Schema]] = {
    ("", "Node"): _spec({"podCIDRs": _by(PRIMITIVES)}),
    ("", "Pod"): _kind({"spec": _POD}),
    ("", "PodTemplate"): _kind({"template": _POD_TEMPLATE}),
    ("", "ReplicationController"): _TEMPLATE,
    ("", "Service"): _spec({"ports": _by("port")}),
    # Its imagePullSecrets have no key.
    ("", "ServiceAccount"): _kind({"secrets": _by("name")}),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): _spec(_CONDITIONS),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _spec({**_CONDITIONS, "variables": _by("name")}),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "CronJob"): _spec({"jobTemplate": _JOB}),
    ("batch", "Job"): _TEMPLATE,
    ("policy", "PodDisruptionBudget"): _spec({"selector": Schema(replaced=True)}),
    ("storage.k8s.io", "CSINode"): _spec({"drivers": _by("name")}),
}
_GROUPS: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""The groups of Kubernetes itself; every other one is of definitions, which know no strategic merge patch."""


def schema_of(body: Mapping[str, Any]) -> Schema | None:
    """What is merged in an object; None for a kind that is not of Kubernetes itself."""
    group = group_of(body)
    return _KINDS.get((group, body["kind"]), _ANY) if group in _GROUPS else None
