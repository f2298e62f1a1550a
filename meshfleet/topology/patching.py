"""Patches of values as JSON has them: JSON patch and merge patch. Pure, and what is patched is never changed in place.

A value that only a run can know (an output of Pulumi) is handed on as it is.

Sources: https://www.rfc-editor.org/rfc/rfc6902 and https://www.rfc-editor.org/rfc/rfc7386
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from meshfleet.errors import DocumentError
from meshfleet.topology.additions import Operation, steps

# etcd takes no request that is larger, and Helm keeps the values of a release in one.
# Source: https://etcd.io/docs/v3.6/dev-guide/limit/#request-size-limit
_MOST: Final = 1536 * 1024


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


def patched(content: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """One step of a JSON patch of a document, which is a mapping and stays one. Raises DocumentError as below."""
    made = patched_value(content, operation)
    if not isinstance(made, dict):
        raise DocumentError(f"{operation.op} of the whole document leaves no mapping; patch what is in it")
    return made


def patched_value(content: Any, operation: Operation) -> Any:
    """One step of a JSON patch of any value. Raises DocumentError with the path that does not fit.

    What the step leaves alone is shared with `content`.
    """
    paths = [steps(operation.path)]
    if operation.origin is not None:
        origin = steps(operation.origin)
        # What is moved out of a list moves up what follows there, where `path` may lead.
        paths.append(origin[:-1] if operation.op == "move" else origin)
    hidden: list[_Later] = []
    sheltered = _opened(content, paths, hidden)
    if operation.op == "copy" and operation.origin is not None:
        _require_bounded(content, at(content, operation.origin))
    made = patch_in_place(sheltered, operation)
    return _unsheltered(made) if hidden else made


def patch_in_place(content: Any, operation: Operation) -> Any:
    """The value itself, changed by one step of a JSON patch. Raises DocumentError with the path that does not fit."""
    # Imported where there is a patch: most fleets have none.
    import jsonpatch
    import jsonpointer

    try:
        return jsonpatch.JsonPatch([operation.as_json()]).apply(content, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise DocumentError(f"{operation.path} is not what the patch expects; correct its test") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        raise DocumentError(f"{operation.op} does not fit: {_why(content, operation)}; correct its path") from None


def _require_bounded(*values: Any) -> None:
    """Raises DocumentError for a document, and what is to be copied in it, that together are too large.

    Each copy may double it, and takes as long as what it copies.
    """
    left, waiting = _MOST, [*values]
    while waiting:
        one = waiting.pop()
        left -= 1 + (len(one) if isinstance(one, str | Mapping | list) else 0)
        if left < 0:
            raise DocumentError(f"copy makes the document longer than {_MOST} characters; copy less")
        if isinstance(one, Mapping):
            left -= sum(map(len, one))
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


@dataclass(frozen=True)
class _Later:
    """What only a run knows, so that a patch may move it and never looks into it."""

    value: object

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _opened(value: Any, paths: Sequence[Sequence[str]], hidden: list[_Later]) -> Any:
    """A copy of a value along some paths, and of all that is at their ends, which a patch may change in place.

    What is beside the paths is that of the value itself, so that a patch costs by its depth and not by the document.
    """
    if not all(paths):
        return _sheltered(value, hidden)
    if isinstance(value, Mapping):
        made = dict(value)
        for step, rest in _by_step(paths):
            if step in made:
                made[step] = _opened(made[step], rest, hidden)
        return made
    if isinstance(value, list | tuple):
        items = list(value)
        for step, rest in _by_step(paths):
            if step.isdecimal() and int(step) < len(items):
                items[int(step)] = _opened(items[int(step)], rest, hidden)
        return items
    return _sheltered(value, hidden)


def _by_step(paths: Iterable[Sequence[str]]) -> Iterable[tuple[str, list[Sequence[str]]]]:
    rest: dict[str, list[Sequence[str]]] = {}
    for path in paths:
        rest.setdefault(path[0], []).append(path[1:])
    return rest.items()


def _sheltered(value: Any, hidden: list[_Later]) -> Any:
    """A copy of a value that a patch may change in place."""
    if isinstance(value, Mapping):
        return {key: _sheltered(inner, hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_sheltered(inner, hidden) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    hidden.append(_Later(value))
    return hidden[-1]


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


def _why(content: Any, operation: Operation) -> str:
    """Which of the paths of an operation leads nowhere."""
    pointers = [operation.origin, operation.path] if operation.origin is not None else [operation.path]
    for pointer in pointers:
        if _reached(content, pointer)[0] < len(steps(pointer)):
            return nearest(content, pointer)
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


def nearest(content: Any, pointer: str) -> str:
    """What is there of a path that leads nowhere, in words."""
    count, there = _reached(content, pointer)
    reached = "".join(f"/{step}" for step in pointer.split("/")[1 : count + 1]) or "the document"
    if isinstance(there, Mapping):
        known = ", ".join(str(key) for key in there) or "nothing"
        return f"there is no {pointer}, {reached} holds {known}"
    if isinstance(there, list):
        return f"there is no {pointer}, {reached} is a list of {len(there)}"
    return f"there is no {pointer}, {reached} is neither a mapping nor a list"
