"""The JSON patch that leads from one object to another, of the operations that Karmada's plaintext overriders have.

It fits the object as Karmada's API server keeps it too. What is empty may be gone there, so that nothing is put into,
or taken out of, an empty mapping. And what is left out has defaults there that may follow from other fields: the target
port of a Service from its port, the pull policy of a container from its image. So a field is replaced together with all
that its defaults may follow from: a container as a whole, an entry of the `spec` of a workload, else a field of the
object. Labels, annotations and `data` have no defaults, and are patched by entry.

Sources: https://www.rfc-editor.org/rfc/rfc6902 and
https://karmada.io/docs/userguide/scheduling/override-policy/#plaintextoverrider
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, kind_of

Object = dict[str, Any]
_POD: Final = ("spec", "template", "spec")
_BY_ENTRY: Final = frozenset(
    {
        ("metadata",),
        ("metadata", "labels"),
        ("metadata", "annotations"),
        ("data",),
    }
)
_BY_ENTRY_OF_WORKLOADS: Final = _BY_ENTRY | {
    ("spec",),
    ("spec", "template"),
    ("spec", "template", "metadata"),
    ("spec", "template", "metadata", "labels"),
    ("spec", "template", "metadata", "annotations"),
    _POD,
    (*_POD, "initContainers"),
    (*_POD, "containers"),
}
_WORKLOADS: Final = frozenset({*REPLICA_FIELDS, ("apps", "DaemonSet")})


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Object]:
    """The overriders that make `after` of `before`, in order; null is the same as nothing."""
    by_entry = _BY_ENTRY_OF_WORKLOADS if kind_of(before) in _WORKLOADS else _BY_ENTRY
    if _host_network(before) != _host_network(after):
        # The ports of all containers follow from it.
        by_entry = by_entry - {_POD}
    return _inner((), before, after, by_entry | {()}) or []


def _host_network(body: Mapping[str, Any]) -> Any:
    found: Any = body
    for key in (*_POD, "hostNetwork"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _inner(path: tuple[str, ...], before: Any, after: Any, by_entry: frozenset[tuple[str, ...]]) -> list[Object] | None:
    """The differences within two values; None where the whole is to be replaced."""
    if path not in by_entry or _empty(before):
        return None
    found: list[Object] = []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in (*before, *(key for key in after if key not in before)):
            was, is_ = before.get(key), after.get(key)
            if path and was is not None and _empty(was) and is_ is None:
                # Whether an API server keeps what is empty depends on its kind.
                return None
            found += _entry((*path, key), was, is_, by_entry)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [_set("replace", (*path, str(at)), is_) for at, (was, is_) in pairs if not _same(was, is_)]
    return None


def _entry(path: tuple[str, ...], before: Any, after: Any, by_entry: frozenset[tuple[str, ...]]) -> list[Object]:
    """The same for what is at `path`, an entry of a mapping that is there."""
    if _same(before, after):
        return []
    if after is None:
        return [] if _empty(before) else [{"path": _pointer(path), "operator": "remove"}]
    if _empty(before):
        # It replaces what is there, if anything is. What is new and empty means something, as `emptyDir: {}` does.
        return [] if _empty(after) and before is not None else [_set("add", path, after)]
    found = _inner(path, before, after, by_entry)
    return [_set("replace", path, after)] if found is None else found


def _set(operator: str, path: tuple[str, ...], value: Any) -> Object:
    return {"path": _pointer(path), "operator": operator, "value": value}


def _empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_empty, value.values()))
    return value is None or value == []


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = one.keys() | other.keys()
        return all(_same(one.get(key), other.get(key)) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    # `true` is not 1.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _pointer(path: tuple[str, ...]) -> str:
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in path)
