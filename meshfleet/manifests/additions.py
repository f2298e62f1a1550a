"""What the user adds to a document, merged last: values of charts, labels and annotations, patches. Pure.

`added` is the one function for it: `render`'s plan and every registration pass what they have made through it. A value
that only a run can know (an output of Pulumi) is handed on as it is.

Source: https://www.rfc-editor.org/rfc/rfc6902 and https://www.rfc-editor.org/rfc/rfc7386
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from meshfleet.errors import DocumentError
from meshfleet.manifests.objects import Object, Release, written
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet
from meshfleet.topology.additions import Additions, ClusterIstio, Operation, steps


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
    return [replace(each, body=added(fleet, cluster, each.name, each.body)) for each in documents]


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


def merged(base: Any, more: Any) -> Any:
    """A merge patch applied (RFC 7386, section 2), by which values of Helm are merged as well."""
    if not isinstance(more, Mapping):
        return more
    made = dict(base) if isinstance(base, Mapping) else {}
    for key, value in more.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


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
    return lambda content: _patched(content, operation)


def _patched(content: Object, operation: Operation) -> Object:
    """One step of a JSON patch. Raises DocumentError with the path that does not fit."""
    # Imported where there is a patch: most fleets have none.
    import jsonpatch
    import jsonpointer

    try:
        made = jsonpatch.JsonPatch([operation.as_json()]).apply(_sheltered(content), in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise DocumentError(f"{operation.path} is not what the patch expects; correct its test") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        raise DocumentError(f"{operation.op} does not fit: {_why(content, operation)}; correct its path") from None
    if not isinstance(made, dict):
        raise DocumentError(f"{operation.op} of the whole document leaves no mapping; patch what is in it")
    return {key: _unsheltered(inner) for key, inner in made.items()}


@dataclass(frozen=True)
class _Later:
    """What only a run knows, so that a patch may move it and never looks into it."""

    value: object

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _sheltered(value: Any) -> Any:
    """A copy of a document that a patch may change in place."""
    if isinstance(value, Mapping):
        return {key: _sheltered(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_sheltered(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | float) else _Later(value)


def _unsheltered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unsheltered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unsheltered(inner) for inner in value]
    return value.value if isinstance(value, _Later) else value


def at(content: Any, pointer: str) -> Any:
    """What is at a JSON pointer; None where nothing is."""
    count, there = _reached(content, pointer)
    return there if count == len(steps(pointer)) else None


def _why(content: Object, operation: Operation) -> str:
    """Which of the paths of an operation leads nowhere."""
    pointers = [operation.origin, operation.path] if operation.origin is not None else [operation.path]
    for pointer in pointers:
        if _reached(content, pointer)[0] < len(steps(pointer)):
            return _nearest(content, pointer)
    return f"nothing can be put at {operation.path}"


def _reached(content: Any, pointer: str) -> tuple[int, Any]:
    """How many steps of a pointer lead somewhere, and what is where the last of those leads."""
    there = content
    for count, step in enumerate(steps(pointer)):
        if isinstance(there, Mapping) and step in there:
            there = there[step]
        elif isinstance(there, list) and step.isdecimal() and int(step) < len(there):
            there = there[int(step)]
        else:
            return count, there
    return len(steps(pointer)), there


def _nearest(content: Any, pointer: str) -> str:
    """What is there of a path, in words."""
    count, there = _reached(content, pointer)
    reached = "".join(f"/{step}" for step in pointer.split("/")[1 : count + 1]) or "the document"
    if isinstance(there, Mapping):
        known = ", ".join(str(key) for key in there) or "nothing"
        return f"there is no {pointer}, {reached} holds {known}"
    if isinstance(there, list):
        return f"there is no {pointer}, {reached} is a list of {len(there)}"
    return f"there is no {pointer}, {reached} is neither a mapping nor a list"


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
