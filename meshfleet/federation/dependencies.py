"""What an object refers to: what pod templates and Ingresses name, and what declared rules say.

Followed is what Karmada follows, and what custom resources with a pod template (`spec.template.spec`) name. The objects
that it follows of a ServiceImport are made by its own controllers, and by none here.

Sources: https://github.com/karmada-io/karmada/blob/master/pkg/resourceinterpreter/default/native/dependencies.go and
https://github.com/kubernetes/kubernetes/blob/master/pkg/api/v1/pod/util.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.federation.overrides.pod_templates import pod_path
from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import steps
from meshfleet.topology.propagation.dependencies import DependencyRule
from meshfleet.topology.propagation.kinds import ObjectKey, is_namespaced, key_of, kind_of, mapping

_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_STATEFUL_SET: Final = ("apps", "StatefulSet")
_INGRESS: Final = ("networking.k8s.io", "Ingress")
_EVERY: Final = "*"
# Every namespace has them: https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts
_DEFAULT_ACCOUNT: Final = "default"
_ROOT_CERTIFICATES: Final = ("ConfigMap", "kube-root-ca.crt")
# Kind of volume -> where in it the name of a Secret is.
_VOLUME_SECRETS: Final = {
    "azureFile": ("secretName",),
    "cephfs": ("secretRef", "name"),
    "cinder": ("secretRef", "name"),
    "csi": ("nodePublishSecretRef", "name"),
    "flexVolume": ("secretRef", "name"),
    "iscsi": ("secretRef", "name"),
    "rbd": ("secretRef", "name"),
    "scaleIO": ("secretRef", "name"),
    "secret": ("secretName",),
    "storageos": ("secretRef", "name"),
}
_Named = tuple[str, object]
"""A kind of the core and a name, which may be missing."""


@dataclass(frozen=True)
class References:
    """What an object refers to, each once; `wrong` has what is no name, by its place in the rules."""

    keys: tuple[ObjectKey, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()


def references(body: Mapping[str, Any], rules: Sequence[DependencyRule] = ()) -> References:
    """The references of an object as a cluster gets it. A kind of unknown scope has the namespace of the object."""
    namespace = key_of(body).namespace
    found = {
        ObjectKey("", kind, namespace, name): None for kind, name in _native(body) if name and isinstance(name, str)
    }
    wrong: list[tuple[str, str]] = []
    for position, rule in enumerate(rules):
        if rule.api_version != body["apiVersion"] or rule.kind != body["kind"]:
            continue
        for number, reference in enumerate(rule.references):
            group = reference.api_version.rpartition("/")[0]
            inside = "" if is_namespaced(group, reference.kind) is False else namespace
            for name in _at(body, steps(reference.field_path)):
                if isinstance(name, str):
                    found |= {ObjectKey(group, reference.kind, inside, name): None} if name else {}
                elif name is not None:
                    place = f"dependencyRules[{position}].references[{number}].fieldPath"
                    why = f"{key_of(body).short} has {shown(name)} at {reference.field_path}, which must be a name"
                    wrong.append((place, why))
    return References(tuple(found), tuple(wrong))


def _native(body: Mapping[str, Any]) -> Iterator[_Named]:
    kind = kind_of(body)
    if kind == _INGRESS:
        for entry in _entries(mapping(body.get("spec")), "tls"):
            yield "Secret", entry.get("secretName")
    if (path := pod_path(body)) is None:
        return
    pod: Any = body
    for step in path:
        pod = pod[step]
    templates = _entries(mapping(body.get("spec")), "volumeClaimTemplates") if kind == _STATEFUL_SET else ()
    # Claims of its own templates are made in the cluster, one for each pod.
    left_out = [("PersistentVolumeClaim", mapping(each.get("metadata")).get("name")) for each in templates]
    yield from (named for named in _of_pod(pod) if named not in (_ROOT_CERTIFICATES, *left_out))


def _of_pod(pod: Mapping[str, Any]) -> Iterator[_Named]:
    for entry in _entries(pod, "imagePullSecrets"):
        yield "Secret", entry.get("name")
    if (account := pod.get("serviceAccountName") or pod.get("serviceAccount")) != _DEFAULT_ACCOUNT:
        yield "ServiceAccount", account
    for field in _CONTAINERS:
        for container in _entries(pod, field):
            for entry in _entries(container, "envFrom"):
                yield from _sources(entry, "configMapRef", "secretRef")
            for entry in _entries(container, "env"):
                yield from _sources(mapping(entry.get("valueFrom")), "configMapKeyRef", "secretKeyRef")
    for volume in _entries(pod, "volumes"):
        yield "ConfigMap", mapping(volume.get("configMap")).get("name")
        yield "PersistentVolumeClaim", mapping(volume.get("persistentVolumeClaim")).get("claimName")
        for kind, place in _VOLUME_SECRETS.items():
            there: object = volume.get(kind)
            for step in place:
                there = mapping(there).get(step)
            yield "Secret", there
        for source in _entries(mapping(volume.get("projected")), "sources"):
            yield from _sources(source, "configMap", "secret")


def _sources(entry: Mapping[str, Any], config_map: str, secret: str) -> Iterator[_Named]:
    yield "ConfigMap", mapping(entry.get(config_map)).get("name")
    yield "Secret", mapping(entry.get(secret)).get("name")


def _entries(parent: Mapping[str, Any], field: str) -> Iterable[Mapping[str, Any]]:
    entries = parent.get(field)
    return map(mapping, entries) if isinstance(entries, list) else ()


def _at(content: object, pointer: Sequence[str]) -> Iterator[object]:
    """What is at a JSON pointer, in each entry of a list where it has an asterisk; nothing where it leads nowhere."""
    if not pointer:
        yield content
    elif isinstance(content, Mapping) and pointer[0] in content:
        yield from _at(content[pointer[0]], pointer[1:])
    elif isinstance(content, list) and pointer[0] == _EVERY:
        for entry in content:
            yield from _at(entry, pointer[1:])
    elif isinstance(content, list) and pointer[0].isdecimal() and int(pointer[0]) < len(content):
        yield from _at(content[int(pointer[0])], pointer[1:])
