"""Which changes of an object cannot be made in place: the API server refuses them, so the object is replaced.

The same rules as the official provider's, by group, version and kind, written as paths from the object's root;
a path stands for everything below it, `[*]` for any element of a list. Secrets and ConfigMaps are replaced when
their contents change, as the official provider does by default, unless the provider says that they are mutable.
https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meshfleet.plugins.kubernetes.kinds import GroupVersionKind
from meshfleet.plugins.kubernetes.settings import Settings

Path = tuple[str | int, ...]
ANY: Final = "[*]"

_IDENTITY: Final = (("metadata", "name"), ("metadata", "namespace"))

_VOLUME_SOURCES: Final = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
]
_POD_FIELDS: Final = [
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
]
_CONTAINER_FIELDS: Final = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
]


def _below(prefix: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((*prefix, name) for name in names)


_RULES: Final[Mapping[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    ("apps", "DaemonSet"): (("spec", "selector"),),
    ("apps", "Deployment"): (("spec", "selector"),),
    ("apps", "StatefulSet"): _below(
        ("spec",),
        (
            "podManagementPolicy",
            "revisionHistoryLimit",
            "selector",
            "serviceName",
            "volumeClaimTemplates",
        ),
    ),
    ("batch", "Job"): _below(("spec",), ("completions", "parallelism", "selector", "template")),
    ("", "PersistentVolume"): _below(("spec",), _VOLUME_SOURCES),
    ("", "PersistentVolumeClaim"): _below(("spec",), ("accessModes", "selector", "storageClassName", "volumeName")),
    ("", "Pod"): (
        *_below(("spec",), _POD_FIELDS),
        *_below(("spec", "containers", ANY), _CONTAINER_FIELDS),
        *_below(("spec", "initContainers", ANY), _CONTAINER_FIELDS),
    ),
    ("", "ResourceQuota"): (("spec", "scopes"),),
    ("", "Secret"): (("type",),),
    ("", "Service"): (("spec", "clusterIP"),),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (("roleRef",),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (("roleRef",),),
    ("storage.k8s.io", "StorageClass"): (("parameters",), ("provisioner",)),
}


def replacing_paths(
    identity: GroupVersionKind,
    new_inputs: Mapping[str, Any],
    settings: Settings,
    patch: bool,
) -> tuple[tuple[str, ...], ...]:
    """The paths whose change replaces this object. A Patch only follows the object's identity."""
    if patch:
        return _IDENTITY
    rules = _IDENTITY + _RULES.get((identity.group, identity.kind), ())
    immutable = new_inputs.get("immutable") is True
    if (identity.group, identity.kind) == ("", "Secret") and (immutable or not settings.enable_secret_mutable):
        rules += (("stringData",), ("data",))
    if (identity.group, identity.kind) == ("", "ConfigMap") and (immutable or not settings.enable_config_map_mutable):
        rules += (("binaryData",), ("data",))
    return rules


def replaces(changed: Path, rules: Sequence[tuple[str, ...]]) -> bool:
    """Whether a change at this path falls under one of the rules: at it, below it, or of a whole that contains it."""
    for rule in rules:
        shared = zip(changed, rule, strict=False)
        if all(step == wanted or (wanted == ANY and isinstance(step, int)) for step, wanted in shared):
            # A list of containers that grew is a change above the rule's path: of a whole that contains it.
            return True
    return False
