"""What Karmada's API server gets of the propagations: templates of the objects, and their policies.

Policies come before the objects that they are for, so that no cluster gets an object as it is not to be there, and
definitions before the resources of their kinds: Karmada places an object once, by the kinds that it knows of each
cluster at that moment.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.federation.candidates import Candidate, candidates
from meshfleet.federation.definitions import definition_of
from meshfleet.federation.karmada import policies
from meshfleet.federation.karmada.affinities import short
from meshfleet.federation.karmada.overriding import before_overrides, override_rules
from meshfleet.federation.karmada.placements import Compiled, compiled, is_live
from meshfleet.federation.karmada.scheduling import awake, is_idle
from meshfleet.federation.karmada.shares import shared
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.manifests.additions import added_object
from meshfleet.manifests.karmada_members import joins
from meshfleet.manifests.objects import MANAGED_BY, NOT_AWAITED, Object, metadata
from meshfleet.manifests.propagated_order import Tier, tier
from meshfleet.manifests.propagations import PREFIX, document_name, member_body
from meshfleet.manifests.section import KARMADA, Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import DEFINITION

TEMPLATE: Final = "meshfleet/template"
"""The annotation of an object in Karmada's API server that clusters get copies of: the stack. No copy has it."""
SKIP: Final = {"namespace.karmada.io/skip-auto-propagation": "true"}
"""With this label Karmada does not make a namespace in every cluster."""
_EVERYWHERE: Final = "default"
_LONGEST: Final = 63


@dataclass(frozen=True)
class Template:
    """An object in Karmada's API server, with the `spec` of its policy and the rules of its override policy.

    `befores` and `afters` are what overrides find in each cluster that it may go to, and what they leave.
    """

    one: Propagated
    body: Object
    policy: Object
    rules: tuple[Object, ...]
    placement: Compiled
    befores: Mapping[str, Object]
    afters: Mapping[str, Object]


def templates(fleet: Fleet) -> tuple[Template, ...]:
    """Every propagated object as Karmada gets it, in the order of the stack file; computed once."""
    return fleet.derived(_templates)


def _templates(fleet: Fleet) -> tuple[Template, ...]:
    clusters = candidates(fleet)
    evicts = any(propagation.failover is not None for propagation in fleet.propagations.values())
    # One that nothing refers to goes nowhere; to Karmada no names would be all clusters.
    placed = (one for one in propagations(fleet).objects if one.copies)
    return tuple(_template(fleet, one, clusters, evicts=evicts) for one in placed)


def _template(fleet: Fleet, one: Propagated, clusters: tuple[Candidate, ...], *, evicts: bool) -> Template:
    propagation = fleet.propagations[one.propagation]
    placed = compiled(one, propagation.placement, clusters, live=is_live(fleet))
    names = list(one.copies) if placed.named else [cluster.name for cluster in clusters]
    body = _marked(fleet, one)
    found = shared(one, propagation, clusters, names, divided=placed.divides)
    name = document_name(one.propagation, one.key)
    afters = {
        cluster: added_object(fleet, cluster, name, member_body(fleet, cluster, one, each.copy))
        for cluster, each in found.items()
    }
    befores = {
        cluster: before_overrides(body, afters[cluster], divided=placed.divides, stands=each.stands)
        for cluster, each in found.items()
    }
    selected = policies.selector(body, one.key)
    spec = policies.propagation_spec(selected, placed.placement, propagation, evicts=evicts)
    return Template(one, body, spec, tuple(override_rules(befores, afters)), placed, befores, afters)


def _marked(fleet: Fleet, one: Propagated) -> Object:
    """The object as it is declared, with marks: no pod of it runs here, so that nothing of it is awaited."""
    described = dict(one.body["metadata"])
    described["labels"] = dict(sorted(((described.get("labels") or {}) | MANAGED_BY).items()))
    marks = {TEMPLATE: fleet.name} | ({} if one.key[:2] == DEFINITION else NOT_AWAITED)
    described["annotations"] = dict(sorted(((described.get("annotations") or {}) | marks).items()))
    return (awake(one.body) if is_idle(one.body) else one.body) | {"metadata": described}


def needed_kinds(fleet: Fleet, *, defined: bool) -> dict[str, tuple[str, ...]]:
    """Cluster to the kinds that Karmada has to know of it, as `apps/v1/Deployment`, before objects of them come.

    Those of Kubernetes, or those that propagated definitions define there.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in fleet.clusters}
    custom = _custom(fleet)
    for one in propagations(fleet).objects:
        for cluster in one.copies:
            if not defined and one.key[:2] not in custom:
                found[cluster][f"{one.body['apiVersion']}/{one.key.kind}"] = None
            elif defined and one.key[:2] == DEFINITION and (made := definition_of(one.copies[cluster].body)):
                found[cluster].update((f"{made.group}/{version}/{made.kind}", None) for version in made.versions)
    return {cluster: tuple(sorted(kinds)) for cluster, kinds in found.items() if kinds or not defined}


def _custom(fleet: Fleet) -> frozenset[tuple[str, str]]:
    """Group and kind of what propagated definitions define."""
    definitions = (one.body for one in propagations(fleet).objects if one.key[:2] == DEFINITION)
    return frozenset((made.group, made.kind) for made in map(definition_of, definitions) if made)


def _definitions(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    return list(_documents(fleet, cluster, DEFINITIONS, definitions=True))


def _objects(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    found = list(_documents(fleet, cluster, SECTION, definitions=False))
    if not found:
        return []
    names = {one.key.namespace: None for one in propagations(fleet).objects if one.key.namespace}
    spaces = [_there(fleet, _namespace(name), _space(name), SECTION) for name in names if name != _EVERYWHERE]
    if any(propagation.failover is not None for propagation in fleet.propagations.values()):
        body = _policy("ClusterTaintPolicy", "meshfleet-unreachable", "", policies.taint_spec())
        spaces.append(_there(fleet, "karmada-taint-policy", body, SECTION))
    return [*spaces, *found]


def _documents(fleet: Fleet, cluster: str, section: Section, *, definitions: bool) -> Iterator[Document]:
    if not joins(fleet) or cluster != fleet.host:
        return
    custom, tiers = _custom(fleet), _by_tier(fleet)
    ordered = sorted(templates(fleet), key=lambda each: tier(each.one.key[:2]))
    for each in ordered:
        if (each.one.key[:2] == DEFINITION) is not definitions:
            continue
        yield from _of(fleet, each, section, custom, tiers)


def _by_tier(fleet: Fleet) -> dict[str, dict[Tier, list[Propagated]]]:
    found: dict[str, dict[Tier, list[Propagated]]] = {}
    for one in propagations(fleet).objects:
        if one.copies:
            found.setdefault(one.propagation, {}).setdefault(tier(one.key[:2]), []).append(one)
    return found


def _of(
    fleet: Fleet,
    each: Template,
    section: Section,
    custom: frozenset[tuple[str, str]],
    tiers: Mapping[str, Mapping[Tier, list[Propagated]]],
) -> Iterator[Document]:
    """The documents of one object: its policies, then itself."""
    one, base = each.one, _base(each.one)
    namespace, own = one.key.namespace, tier(one.key[:2])
    inside = () if namespace in ("", _EVERYWHERE) else (_namespace(namespace),)
    kind = "PropagationPolicy" if namespace else "ClusterPropagationPolicy"
    policy, overrides = f"karmada-policy-{base}", f"karmada-overrides-{base}"
    yield _there(fleet, policy, _policy(kind, short(base, _LONGEST), namespace, each.policy), section, inside)
    waits = [policy]
    if each.rules:
        spec = policies.override_spec(policies.selector(each.body, one.key), each.rules)
        body = _policy(
            "OverridePolicy" if namespace else "ClusterOverridePolicy", short(base, _LONGEST), namespace, spec
        )
        yield _there(fleet, overrides, body, section, inside)
        waits.append(overrides)
    earlier = [before for before in tiers[one.propagation] if before < own]
    if earlier:
        waits += (template_document(before) for before in tiers[one.propagation][max(earlier)])
    waits.append(Point.KARMADA_DEFINED if one.key[:2] in custom else Point.KARMADA_JOINED)
    yield _there(fleet, template_document(one), each.body, section, (*inside, *waits))


def template_document(one: Propagated) -> str:
    """The document of an object in Karmada's API server."""
    return f"karmada-template-{_base(one)}"


def _base(one: Propagated) -> str:
    return document_name(one.propagation, one.key).removeprefix(PREFIX)


def _namespace(name: str) -> str:
    return f"karmada-namespace-{name}"


def _space(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, labels=SKIP)}


def _policy(kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> Object:
    return {"apiVersion": policies.POLICY, "kind": kind, "metadata": metadata(name, namespace), "spec": dict(spec)}


def _there(fleet: Fleet, name: str, body: Object, section: Section, after: tuple[str, ...] = ()) -> Document:
    waits = tuple(dict.fromkeys(after))
    return Document(name, section, body, after=waits, cluster=fleet.host, server=KARMADA)


DEFINITIONS = Section(
    name="karmada-definitions",
    stage=Stage.WORKLOADS,
    component="KarmadaEngine",
    documents=_definitions,
    declared_in="propagations",
    what="in Karmada's API server: [propagated definitions](karmada.md) with their policies",
    waits_for="their policies; the clusters to be ready in Karmada",
)
SECTION = Section(
    name="karmada-objects",
    stage=Stage.WORKLOADS,
    component="KarmadaEngine",
    documents=_objects,
    declared_in="propagations",
    what="in Karmada's API server: [propagated objects](karmada.md) with their policies, and their namespaces",
    waits_for="their policies and their namespace; Karmada to know their kind in the clusters they go to",
)
