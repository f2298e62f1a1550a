"""Propagated objects: what each cluster gets of the objects that the user's propagations place in it.

Definitions come before the objects that they define, namespaces before what is in them, what pods read before pods,
and webhooks last, since they would be asked about all the others. Removal goes the other way round.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from meshfleet.federation.definitions import definition_of
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.manifests import gateway_api, injected, names, revision_tags
from meshfleet.manifests.objects import MANAGED_BY, NOT_AWAITED, Object
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, TopologyError
from meshfleet.topology.propagation.kinds import (
    CERT_MANAGER_GROUPS,
    DEFINITION,
    GATEWAY_API_GROUPS,
    ISTIO_GROUPS,
    NAMESPACE,
    SCOPES,
    ObjectKey,
    kind_of,
    mapping,
)


class Tier(IntEnum):
    """The order within a propagation: what is of one tier waits for the tier before it."""

    FOUNDATION = 0
    """Definitions, namespaces, classes and other objects of no namespace that objects refer to."""
    CONFIGURATION = 1
    """What pods read or are subject to: accounts, rights, configuration, volumes, Services, custom resources."""
    PODS = 2
    """What makes pods, and what scales it."""
    WEBHOOKS = 3
    """What API servers ask or hand requests on to, which is served by pods."""


_LAST: Final = {
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiregistration.k8s.io", "APIService"),
}
# Kind -> whether a template of pods that changes recreates its pods; the others keep theirs, or refuse the change.
_PODS: Final = {
    ("", "Pod"): False,
    ("", "ReplicationController"): False,
    ("apps", "DaemonSet"): True,
    ("apps", "Deployment"): True,
    ("apps", "ReplicaSet"): False,
    ("apps", "StatefulSet"): True,
    ("batch", "CronJob"): False,
    ("batch", "Job"): False,
}
_SCALING: Final = {("autoscaling", "HorizontalPodAutoscaler"), ("policy", "PodDisruptionBudget")}
# Rights are of no namespace and are read by pods all the same.
_RIGHTS: Final = {("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding")}
# What waits for pods or for something outside of the cluster, perhaps in vain: a Service for endpoints, an Ingress for
# an address, a claim for its first pod, a Job until it is through.
_NEVER_AWAITED: Final = {
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
    ("batch", "Job"),
    ("networking.k8s.io", "Ingress"),
}
_LONGEST: Final = 180
_HASH: Final = 8
_PLAIN: Final = re.compile(r"[a-z0-9]+")
_HASHED: Final = re.compile(rf"[0-9a-f]{{{_HASH}}}")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def document_name(propagation: str, key: ObjectKey) -> str:
    """The document of an object in each of its clusters; it follows from these alone.

    A hash tells it from others where parts joined by `-` could be those of another object.
    """
    parts = [propagation, key.kind.lower(), *([key.namespace] if key.namespace else []), key.name]
    ours = (key.group, key.kind) in SCOPES
    if ours and all(map(_PLAIN.fullmatch, parts)) and not _HASHED.fullmatch(key.name) and sum(map(len, parts)) < 100:
        return "-".join(["propagation", *parts])
    text = _OTHER.sub("-", "-".join(parts).lower())[:_LONGEST].strip("-")
    digest = hashlib.sha256("\0".join((propagation, *key)).encode()).hexdigest()[:_HASH]
    return f"propagation-{text}-{digest}"


def tier(kind: tuple[str, str]) -> Tier:
    """The tier of a kind, by its group and name."""
    if kind in _LAST:
        return Tier.WEBHOOKS
    if kind in _PODS or kind in _SCALING:
        return Tier.PODS
    in_namespace = SCOPES.get(kind, True)
    return Tier.CONFIGURATION if in_namespace or kind in _RIGHTS else Tier.FOUNDATION


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The propagated objects of a cluster, by tier and then in the order of the stack file.

    Raises TopologyError for propagations that cannot be placed.
    """
    placed = propagations(fleet)
    if placed.faults:
        raise TopologyError(placed.faults)
    objects = placed.of(cluster)
    if not objects:
        return []
    here = _Here(fleet, cluster, objects)
    ordered = sorted(objects, key=lambda one: tier(one.key[:2]))
    return [
        Document(
            document_name(one.propagation, one.key),
            SECTION,
            _body(fleet, cluster, one, here),
            after=tuple(dict.fromkeys(here.after(one))),
            keep=fleet.propagations[one.propagation].preserve_resources_on_deletion,
        )
        for one in ordered
    ]


class _Here:
    """What is in a cluster by the time its propagated objects come."""

    def __init__(self, fleet: Fleet, cluster: str, objects: tuple[Propagated, ...]) -> None:
        self._fleet, self._cluster = fleet, cluster
        self.declared = fleet.namespaces_of(cluster)
        self._namespaces = {name: names.namespace(name) for name in self.declared}
        self._definitions: dict[tuple[str, str], str] = {}
        self._tiers: dict[str, dict[Tier, list[str]]] = {}
        for one in objects:
            name, kind = document_name(one.propagation, one.key), kind_of(one.body)
            self._tiers.setdefault(one.propagation, {}).setdefault(tier(kind), []).append(name)
            if kind == NAMESPACE:
                self._namespaces[one.key.name] = name
            elif kind == DEFINITION and (defined := definition_of(one.copies[cluster].body)):
                self._definitions[defined.group, defined.kind] = name

    def after(self, one: Propagated) -> Iterator[str]:
        """The documents and points that an object waits for."""
        kind, own = kind_of(one.body), tier(kind_of(one.body))
        if one.key.namespace in self._namespaces:
            yield self._namespaces[one.key.namespace]
        yield from self._of_kind(kind)
        # The tier before the own one waits for those before it.
        tiers = self._tiers[one.propagation]
        if earlier := [each for each in tiers if each < own]:
            yield from tiers[max(earlier)]
        if kind in _PODS:
            yield Point.NODES
            if self.injects(one):
                yield Point.ISTIOD_READY
                yield from map(names.tag, revision_tags.tags(self._fleet, self._cluster))

    def _of_kind(self, kind: tuple[str, str]) -> Iterator[str]:
        if kind in self._definitions:
            yield self._definitions[kind]
        if kind[0] in ISTIO_GROUPS:
            # Its webhook validates them.
            yield from (names.BASE, Point.ISTIOD_READY)
        elif kind[0] in GATEWAY_API_GROUPS:
            yield from (*gateway_api.before(self._fleet, self._cluster), Point.ISTIOD_READY)
        elif kind[0] in CERT_MANAGER_GROUPS and self._fleet.issues_for(self._cluster):
            yield Point.CERT_MANAGER

    def injects(self, one: Propagated) -> bool:
        """Whether its pods get a sidecar of the fleet."""
        if self._fleet.clusters[self._cluster].data_plane != "sidecar":
            return False
        namespace = self.declared.get(one.key.namespace)
        body = one.copies[self._cluster].body
        pod = body if kind_of(body) == ("", "Pod") else _template(body)
        asked = mapping(mapping(pod.get("metadata")).get("labels")).get(revision_tags.INJECT)
        return namespace is not None and namespace.injection and str(asked).lower() != "false"


def _body(fleet: Fleet, cluster: str, one: Propagated, here: _Here) -> Object:
    """The object with the marks of the fleet."""
    body, kind = one.copies[cluster].body, kind_of(one.body)
    described = dict(body["metadata"])
    described["labels"] = dict(sorted(((described.get("labels") or {}) | MANAGED_BY).items()))
    awaited = fleet.clusters[cluster].capabilities.runs_pods or kind not in _PODS
    if not awaited or kind in _NEVER_AWAITED:
        described["annotations"] = dict(sorted(((described.get("annotations") or {}) | NOT_AWAITED).items()))
    body = body | {"metadata": described}
    if _PODS.get(kind) and here.injects(one):
        body = _restarted_with(body, injected.annotation(injected.workload_facts(fleet, cluster)))
    return body


def _restarted_with(body: Object, facts: dict[str, str]) -> Object:
    """The object with what its proxies read when they start, so that its pods are recreated when that changes."""
    template = dict(_template(body))
    described = dict(mapping(template.get("metadata")))
    described["annotations"] = {**mapping(described.get("annotations")), **facts}
    return body | {"spec": body["spec"] | {"template": template | {"metadata": described}}}


def _template(body: Object) -> Mapping[str, Any]:
    return mapping(mapping(body.get("spec")).get("template"))


SECTION = Section(
    name="propagations",
    stage=Stage.WORKLOADS,
    component="Propagations",
    documents=documents,
    declared_in="propagations",
    what="[propagated objects](federation.md): what propagations place in the cluster",
    waits_for="their namespace and the definition of their kind; within a propagation what they refer to: first "
    "definitions, then configuration, then pods, then webhooks; a ready istiod where pods are injected",
)
