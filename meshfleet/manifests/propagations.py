"""Propagated objects: what each cluster gets of the objects that the user's propagations place in it.

Definitions come before the objects that they define, namespaces before what is in them, what pods read before pods,
and webhooks last, since they would be asked about all the others. Removal goes the other way round.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, Final

from meshfleet.federation.copies import Copy
from meshfleet.federation.definitions import definition_of
from meshfleet.federation.propagated import Propagated, propagations, recorded_object
from meshfleet.manifests import gateway_api, injected, names, revision_tags
from meshfleet.manifests.objects import MANAGED_BY, NOT_AWAITED, Object
from meshfleet.manifests.propagated_mark import Mark, mark_of
from meshfleet.manifests.propagated_order import PODS, Tier, in_order, tier
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

# What waits for pods or for something outside of the cluster, perhaps in vain: a Service for endpoints, an Ingress for
# an address, a claim for its first pod, a Job until it is through.
_NEVER_AWAITED: Final = {
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
    ("batch", "Job"),
    ("networking.k8s.io", "Ingress"),
}
PREFIX: Final = "propagation-"
"""How the name of every document of a propagated object begins."""
_LONGEST: Final = 180
# Each object has the same name in all of its clusters.
_KEPT: Final = 65_536
_HASH: Final = 8
_PLAIN: Final = re.compile(r"[a-z0-9]+")
_HASHED: Final = re.compile(rf"[0-9a-f]{{{_HASH}}}")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=_KEPT)
def document_name(propagation: str, key: ObjectKey) -> str:
    """The document of an object in each of its clusters; it follows from these alone.

    A hash tells it from others where parts joined by `-` could be those of another object.
    """
    parts = [propagation, key.kind.lower(), *([key.namespace] if key.namespace else []), key.name]
    ours = (key.group, key.kind) in SCOPES
    if ours and all(map(_PLAIN.fullmatch, parts)) and not _HASHED.fullmatch(key.name) and sum(map(len, parts)) < 100:
        return PREFIX + "-".join(parts)
    text = _OTHER.sub("-", "-".join(parts).lower())[:_LONGEST].strip("-")
    digest = hashlib.sha256("\0".join((propagation, *key)).encode()).hexdigest()[:_HASH]
    return f"{PREFIX}{text}-{digest}"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What the stack itself brings to a cluster: `member_documents`, or none where Karmada does.

    Raises TopologyError for propagations that cannot be placed.
    """
    return member_documents(fleet, cluster) if fleet.federation.engine == "direct" else []


def member_documents(fleet: Fleet, cluster: str) -> list[Document]:
    """The propagated objects of a cluster, by tier and then by name, whichever engine brings them.

    Raises TopologyError for propagations that cannot be placed.
    """
    placed = propagations(fleet)
    if placed.faults:
        raise TopologyError(placed.faults)
    objects = objects_in(fleet, cluster)
    if not objects:
        return []
    ordered = in_order(objects, cluster)
    here = _Here(fleet, cluster, ordered)
    return [_document(fleet, cluster, one, here) for one in ordered]


def objects_in(fleet: Fleet, cluster: str) -> tuple[Propagated, ...]:
    """What a cluster gets: what is placed in it, but for a wave that is rolled back what it had before it."""
    back = {name: there[cluster] for name, there in fleet.restored.items() if cluster in there}
    placed = propagations(fleet).of(cluster)
    if not back:
        return placed
    return (
        *(one for one in placed if one.propagation not in back),
        *(recorded_object(name, cluster, body) for name, bodies in back.items() for body in bodies.values()),
    )


def _document(fleet: Fleet, cluster: str, one: Propagated, here: _Here) -> Document:
    back = cluster in fleet.restored.get(one.propagation, {})
    body = one.copies[cluster].body if back else _body(fleet, cluster, one, here)
    keep = fleet.propagations[one.propagation].preserve_resources_on_deletion
    if back and (mark := mark_of(body)):
        keep = mark.kept
    after = tuple(dict.fromkeys(here.after(one)))
    return Document(document_name(one.propagation, one.key), SECTION, body, after=after, keep=keep, complete=back)


def member_body(fleet: Fleet, cluster: str, one: Propagated, copy: Copy) -> Object:
    """An object as a cluster is to have it, placed there or not, from what overrides make of it there."""
    there = replace(one, copies={cluster: copy})
    return _body(fleet, cluster, there, _Here(fleet, cluster, ()))


class _Here:
    """What is in a cluster by the time its propagated objects come."""

    def __init__(self, fleet: Fleet, cluster: str, objects: Sequence[Propagated]) -> None:
        self._fleet, self._cluster = fleet, cluster
        self.declared = fleet.namespaces_of(cluster)
        self._namespaces = {name: names.namespace(name) for name in self.declared}
        self._definitions: dict[tuple[str, str], str] = {}
        self._tiers: dict[str, dict[Tier, list[str]]] = {}
        self._names: dict[ObjectKey, str] = {}
        self._places: dict[str, int] = {}
        for place, one in enumerate(objects):
            name, kind = document_name(one.propagation, one.key), kind_of(one.body)
            self._names[one.key], self._places[name] = name, place
            self._tiers.setdefault(one.propagation, {}).setdefault(tier(kind), []).append(name)
            if kind == NAMESPACE:
                self._namespaces[one.key.name] = name
            elif kind == DEFINITION and (defined := definition_of(one.copies[cluster].body)):
                self._definitions[defined.group, defined.kind] = name

    @cached_property
    def facts(self) -> dict[str, str]:
        """What proxies of the cluster read when they start, as an annotation."""
        return injected.annotation(injected.workload_facts(self._fleet, self._cluster))

    def after(self, one: Propagated) -> Iterator[str]:
        """The documents and points that an object waits for."""
        kind, own = kind_of(one.body), tier(kind_of(one.body))
        if one.key.namespace in self._namespaces:
            yield self._namespaces[one.key.namespace]
        yield from self._of_kind(kind)
        # A wave that is rolled back may leave it without.
        yield from (self._names[key] for key in one.requires.get(self._cluster, ()) if key in self._names)
        yield from self._earlier(one, own)
        if kind in PODS:
            yield Point.NODES
            if self.injects(one):
                yield Point.ISTIOD_READY
                yield from map(names.tag, revision_tags.tags(self._fleet, self._cluster))

    def _earlier(self, one: Propagated, own: Tier) -> Iterator[str]:
        """The tier before the own one, which waits for those before it.

        What refers to the object waits for it, whatever its tier, and so does what stands behind that.
        """
        tiers, place = self._tiers[one.propagation], self._places[self._names[one.key]]
        for each in sorted((each for each in tiers if each < own), reverse=True):
            before = [name for name in tiers[each] if self._places[name] < place]
            yield from before
            if len(before) == len(tiers[each]):
                break

    def _of_kind(self, kind: tuple[str, str]) -> Iterator[str]:
        if kind in self._definitions:
            yield self._definitions[kind]
        if kind[0] in ISTIO_GROUPS:
            # Its webhook validates them.
            yield from (names.BASE, Point.ISTIOD_READY)
        elif kind[0] in GATEWAY_API_GROUPS:
            yield from (*gateway_api.before(self._fleet, self._cluster), Point.ISTIOD_READY)
        elif kind[0] in CERT_MANAGER_GROUPS and self._fleet.uses_cert_manager(self._cluster):
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
    kept = fleet.propagations[one.propagation].preserve_resources_on_deletion
    marks = Mark(fleet.name, one.propagation, one.copies[cluster].content, kept).annotation()
    awaited = fleet.clusters[cluster].capabilities.runs_pods or kind not in PODS
    if not awaited or kind in _NEVER_AWAITED:
        marks |= NOT_AWAITED
    described["annotations"] = dict(sorted(((described.get("annotations") or {}) | marks).items()))
    body = body | {"metadata": described}
    if PODS.get(kind) and here.injects(one):
        body = _restarted_with(body, here.facts)
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
