"""Strategic merge patches, as Kubernetes applies them to its own kinds.

Mappings are merged, `null` removes, lists with a merge key are merged by it (merge_keys.py) and others replaced.
Directives: `$patch: delete` and `$patch: replace` in mappings and entries of lists, `$deleteFromPrimitiveList/FIELD`,
`$setElementOrder/FIELD`, `$retainKeys`. `$patch: merge` is refused, as by Kubernetes: a patch merges without it.

Source: https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
and https://github.com/kubernetes/apimachinery/blob/master/pkg/util/strategicpatch/patch.go
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.merge_keys import PRIMITIVES, Schema, schema_of
from meshfleet.redaction.shown import shown
from meshfleet.topology.patching import merged

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_DELETE_PREFIX: Final = "$deleteFromPrimitiveList/"
_ORDER_PREFIX: Final = "$setElementOrder/"
_Value = dict[str, Any]


def strategically_merged(body: _Value, patch: Mapping[str, Any]) -> _Value:
    """The object with a patch applied; for a custom resource a merge patch (RFC 7386).

    Raises DocumentError for directives that do not fit. What the patch leaves alone is shared with the object.
    """
    schema = schema_of(body)
    if schema is not None:
        return _merged_mapping(body, patch, schema, "")
    if found := next(_directives(patch, ""), None):
        raise DocumentError(f"{found} is a directive of Kubernetes' own kinds; {body['kind']} takes a merge patch")
    return dict(merged(body, patch))


def _directives(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{path}.{key}".lstrip(".")
            if key in (_PATCH, _RETAIN) or key.startswith((_DELETE_PREFIX, _ORDER_PREFIX)):
                yield here
            yield from _directives(inner, here)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _directives(inner, f"{path}[{position}]")


def _merged_mapping(there: Mapping[str, Any], patch: Mapping[str, Any], schema: Schema, path: str) -> _Value:
    if _PATCH in patch:
        return _directed(patch, path)
    made = _retained(there, patch, path)
    ordered = {key.removeprefix(_ORDER_PREFIX): key for key in patch if key.startswith(_ORDER_PREFIX)}
    for field, key in ordered.items():
        _order(made, field, patch.get(field), _list(patch[key], _at(path, key)), schema.at(field), _at(path, field))
    for key, value in patch.items():
        if key == _RETAIN or key in ordered or key in ordered.values():
            continue
        if key.startswith(_DELETE_PREFIX):
            field = key.removeprefix(_DELETE_PREFIX)
            unwanted = _list(value, _at(path, key))
            if isinstance(made.get(field), list):
                made[field] = [entry for entry in made[field] if entry not in unwanted]
        elif value is None:
            made.pop(key, None)
        elif _is_directed(value) and not isinstance(made.get(key), Mapping):
            # Kubernetes drops it without a word.
            if value[_PATCH] != "delete":
                raise _wrong(_at(path, key), "is not there to be replaced; leave $patch out")
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value, schema.at(key), _at(path, key))
    return made


def _directed(patch: Mapping[str, Any], path: str) -> _Value:
    directive = patch[_PATCH]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    raise _wrong(path, f"$patch is {shown(directive)}; write delete or replace, or leave it out to merge")


def _retained(there: Mapping[str, Any], patch: Mapping[str, Any], path: str) -> _Value:
    """What is left of a mapping where `$retainKeys` names all keys that it is to have."""
    if _RETAIN not in patch:
        return dict(there)
    keys = _list(patch[_RETAIN], _at(path, _RETAIN))
    extra = [key for key, value in patch.items() if value is not None and not key.startswith("$") and key not in keys]
    if extra:
        raise _wrong(path, f"$retainKeys does not name {extra[0]}, which the patch sets")
    return {key: value for key, value in there.items() if key in keys}


def _merged(there: Any, value: Any, schema: Schema, path: str) -> Any:
    if isinstance(value, Mapping) and isinstance(there, Mapping):
        return dict(value) if schema.replaced else _merged_mapping(there, value, schema, path)
    if isinstance(value, list) and isinstance(there, list) and schema.key is not None:
        return _merged_list(there, value, schema, path)
    if isinstance(value, list) and isinstance(there, list):
        return value
    return _clean(value)


def _merged_list(there: list[Any], patch: list[Any], schema: Schema, path: str) -> list[Any]:
    assert schema.key is not None
    if schema.key == PRIMITIVES:
        if any(isinstance(entry, Mapping | list) for entry in [*there, *patch]):
            raise _wrong(path, "holds texts, and its entries are merged as such")
        both = list(dict.fromkeys([*there, *patch]))
        return _interleaved(both, patch, there, lambda entry: entry)
    key_of = _keys(schema.key, path)
    kept, rest, replaced = list(there), [], False
    for entry in patch:
        directive = entry.get(_PATCH) if isinstance(entry, Mapping) else None
        if directive == "delete":
            unwanted = key_of(entry)
            kept = [each for each in kept if key_of(each) != unwanted]
        elif directive == "replace":
            replaced = True
        elif directive is not None:
            raise _wrong(path, f"$patch is {shown(directive)}; write delete or replace, or leave it out to merge")
        else:
            rest.append(entry)
    if replaced:
        return [_clean(entry) for entry in rest]
    made = list(kept)
    for entry in rest:
        position = next((place for place, each in enumerate(made) if key_of(each) == key_of(entry)), None)
        if position is None:
            made.append(_clean(entry))
        else:
            made[position] = _merged_mapping(made[position], entry, schema, f"{path}[{shown(key_of(entry))}]")
    return _interleaved(made, rest, kept, key_of)


def _order(made: _Value, field: str, patch: Any, order: list[Any], schema: Schema, path: str) -> None:
    """Set a list in the order that `$setElementOrder` gives, merged with what the patch has for it."""
    there = made.get(field)
    if there is None and patch is None:
        return
    # Texts that are merged as such have themselves for a key, and so have those that are replaced.
    by_itself = schema.key in (None, PRIMITIVES)
    if by_itself and any(isinstance(entry, Mapping | list) for entry in (*order, *_entries(patch), *_entries(there))):
        raise _wrong(path, f"{_ORDER_PREFIX}{field} orders texts, and its entries are others")
    key_of: Callable[[Any], Hashable] = (lambda entry: entry) if by_itself else _keys(str(schema.key), path)
    if patch:
        left = iter([key_of(entry) for entry in order])
        entries = [entry for entry in _list(patch, path) if not (isinstance(entry, Mapping) and _PATCH in entry)]
        if order and not all(key_of(entry) in left for entry in entries):
            raise _wrong(path, f"its entries in the patch do not follow {_ORDER_PREFIX}{field}")
    whole = there if patch is None else _merged(there, patch, schema, path)
    made[field] = _interleaved(_list(whole, path), order, there or [], key_of)


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _interleaved(
    made: Sequence[Any], first: Sequence[Any], before: Sequence[Any], key_of: Callable[[Any], Hashable]
) -> list[Any]:
    """The entries of a merged list in order: those of the patch (`first`) in its own, the others where they were."""
    wanted = _places(first, key_of)
    was = _places(before, key_of)
    ours = sorted((entry for entry in made if key_of(entry) in wanted), key=lambda entry: wanted[key_of(entry)])
    others = sorted((entry for entry in made if key_of(entry) not in wanted), key=lambda entry: was[key_of(entry)])
    result = []
    while ours and others:
        place = was.get(key_of(ours[0]))
        earlier = place is not None and was[key_of(others[0])] < place
        result.append(others.pop(0) if earlier else ours.pop(0))
    return [*result, *ours, *others]


def _places(entries: Sequence[Any], key_of: Callable[[Any], Hashable]) -> dict[Hashable, int]:
    places: dict[Hashable, int] = {}
    for place, entry in enumerate(entries):
        places.setdefault(key_of(entry), place)
    return places


def _keys(key: str, path: str) -> Callable[[Any], Hashable]:
    def key_of(entry: Any) -> Hashable:
        if not isinstance(entry, Mapping) or not isinstance(entry.get(key), str | int):
            raise _wrong(path, f"its entries are merged by {key}, which {shown(entry)} lacks")
        found: Hashable = entry[key]
        return found

    return key_of


def _clean(value: Any) -> Any:
    """A value of a patch where nothing is to merge it with: without nulls, entries to delete and directives."""
    if isinstance(value, Mapping):
        return {
            key: _clean(inner)
            for key, inner in value.items()
            if inner is not None and not _is_directed(inner) and not key.startswith("$")
        }
    if isinstance(value, list):
        return [_clean(inner) for inner in value if not _is_directed(inner)]
    return value


def _is_directed(value: Any) -> bool:
    return isinstance(value, Mapping) and _PATCH in value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(path, f"must be a list, got {shown(value)}")
    return value


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wrong(path: str, reason: str) -> DocumentError:
    return DocumentError(f"{path or 'the patch'}: {reason}")
