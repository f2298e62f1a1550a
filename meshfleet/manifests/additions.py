"""What the user adds to a document, merged last: values of charts, labels and annotations, patches. Pure.

`added` is the one function for it: `render`'s plan and every registration pass what they have made through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meshfleet.errors import DocumentError
from meshfleet.manifests.objects import Object, Release, written
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet
from meshfleet.topology.additions import Additions, ClusterIstio, Operation
from meshfleet.topology.patching import merged, patched


@dataclass(frozen=True)
class Addition:
    """One addition to a document: where it stands in the stack file, and what it makes of the document as written.

    `apply` changes nothing that it is given, and raises DocumentError where it does not fit. `operation` is the step of
    a JSON patch that it is, if any.
    """

    path: str
    apply: Callable[[Object], Object]
    operation: Operation | None = None


def added(fleet: Fleet, cluster: str, name: str, body: Object | Release) -> Object | Release:
    """The document `name` of a cluster with all that is added to it; the same one where that is nothing.

    Raises DocumentError, with the place in the stack file, for an addition that does not fit what the fleet has made.
    """
    content = None
    for addition in additions_to(fleet, cluster, name, body):
        try:
            content = addition.apply(written(body) if content is None else content)
        except DocumentError as error:
            raise DocumentError(f"{addition.path}: {name} of {cluster}: {error}") from None
    if content is None:
        return body
    return replace(body, values=content["values"]) if isinstance(body, Release) else content


def added_object(fleet: Fleet, cluster: str, name: str, body: Object) -> Object:
    """`added` for what is an object. Raises DocumentError as it does."""
    made = added(fleet, cluster, name, body)
    assert not isinstance(made, Release)  # additions change what is in a document, not what it is
    return made


def with_additions(fleet: Fleet, cluster: str, documents: Sequence[Document]) -> Sequence[Document]:
    """Documents of a cluster with all that is added to each: the one place, for `render` and for registration.

    Raises DocumentError as `added` does.
    """
    if not has_additions(fleet, cluster):
        return documents
    return [
        each if each.complete else replace(each, body=added(fleet, cluster, each.name, each.body)) for each in documents
    ]


def additions_to(fleet: Fleet, cluster: str, name: str, body: Object | Release) -> Iterator[Addition]:
    """What is added to a document, in order: what all clusters have before what the cluster has alone."""
    own = fleet.clusters[cluster]
    here = f"clusters.{cluster}"
    if isinstance(body, Release):
        for path, values in (("istio.values", fleet.istio.values), (f"{here}.istio.values", own.istio.values)):
            for key in selectors(name, body):
                if key in values:
                    yield Addition(f"{path}.{key}", _with_values(values[key]))
    for path, additions in (("additions", fleet.additions), (f"{here}.additions", own.additions)):
        if not isinstance(body, Release):
            for what, entries in (("labels", additions.labels), ("annotations", additions.annotations)):
                if entries:
                    yield Addition(f"{path}.{what}", _with_metadata(what, entries))
        yield from _patches(path, additions, name)


def selectors(name: str, body: Release) -> tuple[str, ...]:
    """The keys by which values select a release: its chart, then its document."""
    return tuple(dict.fromkeys((str(body.chart), name)))


def _with_values(values: Mapping[str, Any]) -> Callable[[Object], Object]:
    return lambda content: content | {"values": merged(content["values"], values)}


def _with_metadata(what: str, entries: Mapping[str, str]) -> Callable[[Object], Object]:
    def apply(content: Object) -> Object:
        metadata = content["metadata"]
        there = metadata.get(what) or {}
        return content | {"metadata": metadata | {what: dict(sorted({**there, **entries}.items()))}}

    return apply


def _patches(path: str, additions: Additions, name: str) -> Iterator[Addition]:
    for position, patch in enumerate(additions.patches):
        if patch.document != name:
            continue
        place = f"{path}.patches[{position}]"
        if patch.merge is not None:
            yield Addition(f"{place}.merge", _with_merge(patch.merge))
        for step, operation in enumerate(patch.operations or ()):
            yield Addition(f"{place}.json[{step}]", _with_operation(operation), operation)


def _with_merge(patch: Object) -> Callable[[Object], Object]:
    return lambda content: dict(merged(content, patch))


def _with_operation(operation: Operation) -> Callable[[Object], Object]:
    return lambda content: patched(content, operation)


def _any(additions: Additions) -> bool:
    return bool(additions.labels or additions.annotations or additions.patches)


def has_additions(fleet: Fleet, cluster: str) -> bool:
    """Whether anything is added to what a cluster gets."""
    own = fleet.clusters[cluster]
    return bool(fleet.istio.values or own.istio.values) or _any(fleet.additions) or _any(own.additions)


def without_additions(fleet: Fleet) -> Fleet:
    """The same fleet with nothing added to what it makes."""
    clusters = {
        name: cluster.model_copy(update={"istio": ClusterIstio(), "additions": Additions()})
        for name, cluster in fleet.clusters.items()
    }
    istio = fleet.istio.model_copy(update={"values": {}})
    return fleet.model_copy(update={"clusters": clusters, "istio": istio, "additions": Additions()})
