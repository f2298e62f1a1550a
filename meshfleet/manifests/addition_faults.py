"""What is wrong with the additions of a fleet, found by making every document of every cluster with them. Pure.

Three kinds: an addition that selects nothing, one that does not fit the document it selects, and one that contradicts
what the fleet itself sets. For the last a document is compared before and after: whichever way leads there (a value, a
label, a patch of a parent, a move), what the fleet owns (topology/owned.py) must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from meshfleet.errors import DocumentError
from meshfleet.federation.dns_faults import dns_faults
from meshfleet.federation.service_faults import service_faults
from meshfleet.manifests.additions import additions_to, has_additions, selectors, without_additions
from meshfleet.manifests.contradictions import contradictions, wrong_labels, wrong_values
from meshfleet.manifests.identity_faults import faults_of_identities
from meshfleet.manifests.mesh_differences import differing_in_a_mesh
from meshfleet.manifests.objects import Object, Release, written
from meshfleet.manifests.plan import own_plan
from meshfleet.manifests.propagation_faults import faults_of_propagations
from meshfleet.manifests.section import Document
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.additions import Additions, Operation, steps
from meshfleet.topology.owned_paths import entries_of
from meshfleet.topology.patching import at

# What stands in a plan for what only a run knows.
PLACEHOLDER = re.compile(r"<[^<>]+>")
_NAMES_SHOWN = 12


def checked(fleet: Fleet) -> Fleet:
    """The fleet itself. Raises TopologyError with faults of propagations and identities, or of names, or of additions.

    Additions select documents of propagations as well, which are there once those are right. Where Services are follows
    from propagations that are right.
    """
    wrong = [*faults_of_propagations(fleet), *faults_of_identities(fleet)]
    if faults := wrong or service_faults(fleet) + dns_faults(fleet) or addition_faults(fleet):
        raise TopologyError(faults)
    return fleet


def addition_faults(fleet: Fleet) -> list[Fault]:
    """Every fault of the additions of a fleet."""
    if not any(has_additions(fleet, cluster) for cluster in fleet.clusters):
        return []
    bare = without_additions(fleet)
    plans = {cluster: own_plan(bare, cluster) for cluster in fleet.clusters}
    faults = [*_selecting_nothing(fleet, plans)]
    # What is wrong with an addition to a document, and the clusters that have it so.
    wrong: dict[tuple[str, str, str], list[str]] = {}
    final: dict[str, dict[str, Object]] = {}
    for cluster, plan in plans.items():
        final[cluster] = {}
        for document in plan:
            final[cluster][document.name], found_here = _of_document(fleet, cluster, document)
            for path, text in found_here:
                wrong.setdefault((path, document.name, text), []).append(cluster)
    faults += [Fault(path, f"{name} of {_listed(clusters)}: {text}") for (path, name, text), clusters in wrong.items()]
    return faults or list(differing_in_a_mesh(fleet, plans, final))


def _listed(clusters: list[str]) -> str:
    more = f" and {len(clusters) - 3} more" if len(clusters) > 3 else ""
    return ", ".join(clusters[:3]) + more


def _selecting_nothing(fleet: Fleet, plans: Mapping[str, list[Document]]) -> Iterator[Fault]:
    everywhere = [document for plan in plans.values() for document in plan]
    yield from _unknown_releases("istio.values", fleet.istio.values, everywhere, "any cluster")
    yield from _unknown_documents("additions", fleet.additions, everywhere, "any cluster")
    for cluster, plan in plans.items():
        own, where = fleet.clusters[cluster], f"the cluster {cluster}"
        yield from _unknown_releases(f"clusters.{cluster}.istio.values", own.istio.values, plan, where)
        yield from _unknown_documents(f"clusters.{cluster}.additions", own.additions, plan, where)


def _unknown_releases(path: str, values: Mapping[str, Any], plan: list[Document], where: str) -> Iterator[Fault]:
    known = {
        key
        for document in plan
        if isinstance(document.body, Release)
        for key in selectors(document.name, document.body)
    }
    for key in values:
        if key not in known:
            yield Fault(f"{path}.{key}", f"no chart and no release of {where} has this name; {_nearest(key, known)}")


def _unknown_documents(path: str, additions: Additions, plan: list[Document], where: str) -> Iterator[Fault]:
    known = {document.name for document in plan}
    for position, patch in enumerate(additions.patches):
        if patch.document not in known:
            yield Fault(
                f"{path}.patches[{position}].document",
                f"no document of {where} is named {shown(patch.document)}; {_nearest(patch.document, known)}",
            )


def _nearest(name: str, known: set[str]) -> str:
    """The names that were probably meant, and then others."""
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    rest = [one for one in sorted(known) if one not in near][:_NAMES_SHOWN]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"{meant}known are {', '.join([*near, *rest]) or 'none'}{', ...' if len(known) > len([*near, *rest]) else ''}"
    )


def _of_document(fleet: Fleet, cluster: str, document: Document) -> tuple[Object, list[tuple[str, str]]]:
    """The document with all additions that fit, and what is wrong with the others: their place, and why."""
    before = written(document.body)
    content = before
    wrong: list[tuple[str, str]] = []
    for addition in additions_to(fleet, cluster, document.name, document.body):
        if addition.operation and _reads_unknown(content, addition.operation):
            wrong.append((addition.path, "test looks at what only a run knows; leave it out"))
            continue
        try:
            after = addition.apply(content)
        except DocumentError as error:
            wrong.append((addition.path, str(error)))
            continue
        reasons = [
            *contradictions(document, before, after),
            *wrong_values(document, after),
            *wrong_labels(before, after),
        ]
        wrong += [(addition.path, reason) for reason in reasons]
        content = content if reasons else after
    return content, wrong


def _reads_unknown(content: Object, operation: Operation) -> bool:
    """Whether a test looks at what only a run knows: then it would hold in `render` and fail in `up`."""
    if operation.op != "test":
        return False
    there = at(content, operation.path)
    if content.get("kind") == "Secret" and steps(operation.path)[:1] in ([], ["data"]):
        return True
    waiting = [there]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and PLACEHOLDER.search(value):
            return True
        waiting += entries_of(value).values()
    return False
