"""The order in which the names of a stack file stand means nothing: everybody who reads it makes the same of it.

Pulumi's engine hands sections over to programs as JSON with sorted keys, the command reads them as they are written.
Clusters, networks and meshes keep their order, since people look at them in it; what decides anything by an order of
clusters sorts them.

Source: `marshalObjectValue` and `MarshalValue` in sdk/go/common/resource/config of pulumi/pulumi
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AS_WRITTEN: Final = frozenset({"clusters", "networks", "meshes"})
# Below the names of propagations are objects of the user's own.
_DEPTHS: Final = {"propagations": 1}
_DEPTH: Final = 4


def in_order_of_names(config: Mapping[str, object]) -> dict[str, object]:
    """The sections with the keys of their maps sorted, as deep as there are names that are told one after the other."""
    return {
        section: value if section in _AS_WRITTEN else _sorted(value, _DEPTHS.get(section, _DEPTH))
        for section, value in config.items()
    }


def _sorted(value: object, depth: int) -> object:
    if not depth:
        return value
    if isinstance(value, Mapping):
        return {key: _sorted(value[key], depth - 1) for key in sorted(value, key=str)}
    return value
