"""What is wrong with the additions of a fleet, found by making every document of every cluster with them. Pure.

Three kinds: an addition that selects nothing, one that does not fit the document it selects, and one that contradicts
what the fleet itself sets. For the last a document is compared before and after: whichever way leads there (a value, a
label, a patch of a parent, a move), what the fleet owns (topology/owned.py) must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from meshfleet.manifests.additions import additions_to, at, has_additions, selectors, without_additions
from meshfleet.manifests.objects import Document, Object, Release, written
from meshfleet.manifests.plan import own_plan
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.additions import Additions, Operation, steps
from meshfleet.topology.errors import DocumentError
from meshfleet.topology.faults import from_validation
from meshfleet.topology.labels import LabelKey, LabelValue, checked_annotations
from meshfleet.topology.owned import (
    FREE,
    OBJECTS,
    SECTION,
    VALUES,
    Owned,
    Path,
    entries_of,
    fits,
    found,
    owner_of,
    refusal,
    spelled,
    within,
)
from meshfleet.topology.shown import shown

# Of a release, as it is written, the user may change its values alone.
_OF_RELEASE: tuple[Path, ...] = (("release",), ("namespace",), ("chart",), ("wait",))
_LABELS: TypeAdapter[Any] = TypeAdapter(dict[LabelKey, LabelValue])
_ANNOTATIONS: TypeAdapter[Any] = TypeAdapter(Annotated[dict[LabelKey, str], AfterValidator(checked_annotations)])
_ADAPTERS = {
    **dict.fromkeys(("labels", "podLabels", "deploymentLabels"), _LABELS),
    **dict.fromkeys(("annotations", "podAnnotations", "serviceAnnotations"), _ANNOTATIONS),
}
# What stands in a plan for what only a run knows.
PLACEHOLDER = re.compile(r"<[^<>]+>")
_NAMES_SHOWN = 12
# Helm and istiod take texts alone there.
_TEXTS: tuple[Path, ...] = (("env", "*"), ("meshConfig", "defaultConfig", "proxyMetadata", "*"))
# What is the same in every control plane of a mesh, beside the mesh configuration: objects of the root namespace.
_OF_MESH = ("peer-authentication", "telemetry", "outlier-detection")


def checked(fleet: Fleet) -> Fleet:
    """The fleet itself. Raises TopologyError with every fault of its additions."""
    if faults := addition_faults(fleet):
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
    return faults or list(_differing_in_a_mesh(fleet, plans, final))


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
            *_wrong_values(document, after),
            *_wrong_labels(after),
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


def _table(document: Document) -> tuple[Owned, ...]:
    return VALUES if isinstance(document.body, Release) else OBJECTS


def contradictions(document: Document, before: Object, after: Object) -> list[str]:
    """Each path at which a document says other than the fleet does, with the field of the stack file that owns it."""
    release = isinstance(document.body, Release)
    named = [(path, SECTION) for path in _OF_RELEASE if release and _differs(path, before, after)]
    base, changed = (before["values"], after.get("values")) if release else (before, after)
    prefix: Path = ("values",) if release else ()
    table = _table(document)
    paths: dict[Path, None] = {}
    for owned in table:
        there = dict(found(owned.path, base))
        for path, value in dict(found(owned.path, changed)).items():
            if path not in there or there.pop(path) != value:
                paths[path] = None
        for path in there:
            paths[path] = None
    for path in _lost((), base, changed):
        # Where a whole branch is gone, what the table names of it says more.
        if not any(within(path, one) for one in paths):
            paths[path] = None
    named += [((*prefix, *path), owner_of(table, path)) for path in paths]
    return [f"{spelled(path)} {refusal(owner, document.name)}" for path, owner in named]


def _differs(path: Path, before: Object, after: Object) -> bool:
    return list(found(path, before)) != list(found(path, after))


def _lost(path: Path, before: Any, after: Any) -> Iterator[Path]:
    """The paths at which what the fleet has set is no more: a leaf that is another, an entry that is gone."""
    if any(within(free, path) for free in FREE):
        return
    if isinstance(before, Mapping):
        if not isinstance(after, Mapping):
            yield path
            return
        for key, value in before.items():
            if key in after:
                yield from _lost((*path, str(key)), value, after[key])
            elif not any(fits(free, (*path, str(key))) for free in FREE):
                yield (*path, str(key))
    elif isinstance(before, list):
        if not isinstance(after, list):
            yield path
            return
        named = entries_of(before)
        mine = entries_of(after)
        for key, value in named.items():
            if not key.isdecimal() and key in mine:
                yield from _lost((*path, key), value, mine[key])
            elif not any(next(_lost((*path, key), value, one), None) is None for one in after):
                yield (*path, key)
    elif before != after or type(before) is not type(after):
        yield path


def _wrong_values(document: Document, after: Object) -> Iterator[str]:
    """What a release is not given as it is written."""
    values = after.get("values")
    if not isinstance(document.body, Release) or not isinstance(values, Mapping):
        return
    if path := _null(values):
        yield f"values.{spelled(path)} is null, which no release is given; leave the key out"
    for pattern in _TEXTS:
        for path, value in found(pattern, values):
            if not isinstance(value, str):
                yield f"values.{spelled(path)} is {shown(value)}, which is not a text; put it in quotes"


def _wrong_labels(value: Any, path: Path = ()) -> Iterator[str]:
    """What an API server refuses of labels and annotations, wherever they are in a document."""
    for key, inner in entries_of(value).items():
        place = (*path, key)
        adapter = _ADAPTERS.get(key)
        if adapter and path[-1:] == ("metadata",) and not isinstance(inner, Mapping):
            yield f"{spelled(place)} is {shown(inner)}, which is not a mapping"
            continue
        if adapter and isinstance(inner, Mapping) and not any(isinstance(one, Mapping) for one in inner.values()):
            try:
                adapter.validate_python(dict(inner))
            except ValidationError as error:
                yield f"{spelled(place)}: {from_validation('', error, Additions)[0].message}"
        else:
            yield from _wrong_labels(inner, place)


def _null(value: Any, path: Path = ()) -> Path | None:
    for key, inner in entries_of(value).items():
        if inner is None:
            return (*path, key)
        if below := _null(inner, (*path, key)):
            return below
    return None


def _differing_in_a_mesh(
    fleet: Fleet, plans: Mapping[str, list[Document]], final: Mapping[str, Mapping[str, Object]]
) -> Iterator[Fault]:
    """Control planes of a mesh that come to differ in its configuration (https://github.com/istio/istio/issues/33253)."""
    own = {cluster: {one.name: written(one.body) for one in plan} for cluster, plan in plans.items()}
    for mesh in fleet.meshes:
        first, *others = fleet.primaries_of(mesh) or ("",)
        for cluster in others:
            for name in _shared(plans[first]):
                # Some differ by themselves, as where proxies find their istiod.
                differing = _differences(name, final[first], final[cluster]) - _differences(
                    name, own[first], own[cluster]
                )
                if differing:
                    yield Fault(
                        f"clusters.{cluster}",
                        f"{spelled(min(differing))} of {name} is not what it is in {first}, a cluster of the mesh "
                        f"{mesh} too; the configuration of a mesh is the same in all of its control planes: give each "
                        "of its clusters the same, or use istio.values or additions for all",
                    )


def _differences(name: str, one: Mapping[str, Object], other: Mapping[str, Object]) -> set[Path]:
    mine, theirs = (dict(_flat(_configuration(documents.get(name, {})))) for documents in (one, other))
    return {path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path)}


def _shared(plan: list[Document]) -> list[str]:
    return [
        document.name
        for document in plan
        if document.name in _OF_MESH or (document.name.startswith("istiod") and isinstance(document.body, Release))
    ]


def _configuration(document: Object) -> Any:
    """What of a document is of the whole mesh."""
    return document["values"].get("meshConfig", {}) if "release" in document else document.get("spec", {})


def _flat(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    inside = entries_of(value)
    if not inside:
        yield path, repr(value)
    for key, inner in inside.items():
        yield from _flat(inner, (*path, key))
