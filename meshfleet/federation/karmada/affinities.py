"""Selections of clusters, and tolerations, as Karmada's API writes them.

Source: ClusterMatches in pkg/util/selector.go of karmada-io/karmada v1.18.2: all that is given must match, and what a
cluster does not have is in no list, as here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeGuard

from meshfleet.topology.propagation.affinity import ClusterAffinity, NamedClusterAffinity
from meshfleet.topology.propagation.placement import Toleration

Object = dict[str, Any]
_LONGEST: Final = 32
_HASH: Final = 8


def short(name: str, longest: int) -> str:
    """A name of so many characters at most; a longer one is cut, and a hash tells it from others."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: longest - _HASH - 1].rstrip('-')}-{digest}"


def _is_named(declared: ClusterAffinity) -> TypeGuard[NamedClusterAffinity]:
    return isinstance(declared, NamedClusterAffinity)


def affinity(declared: ClusterAffinity) -> Object:
    """A selection of clusters; an empty one selects every cluster."""
    made: Object = {"affinityName": short(declared.affinity_name, _LONGEST)} if _is_named(declared) else {}
    if declared.cluster_names:
        made["clusterNames"] = list(declared.cluster_names)
    if declared.exclude_clusters:
        made["exclude"] = list(declared.exclude_clusters)
    labels: Object = {"matchLabels": dict(declared.match_labels)} if declared.match_labels else {}
    if declared.match_expressions:
        labels["matchExpressions"] = [
            {"key": one.key, "operator": one.operator} | ({"values": list(one.values)} if one.values else {})
            for one in declared.match_expressions
        ]
    if labels:
        made["labelSelector"] = labels
    fields = [
        {"key": key, "operator": "In", "values": list(values)}
        for key, values in (
            ("provider", declared.providers),
            ("region", declared.regions),
            ("zone", declared.zones),
        )
        if values
    ]
    if fields:
        made["fieldSelector"] = {"matchExpressions": fields}
    return made


def tolerations(declared: Sequence[Toleration]) -> list[Object]:
    """Tolerations for taints of clusters."""
    return [
        {
            "operator": one.operator,
            **({"key": one.key} if one.key is not None else {}),
            **({"value": one.value} if one.value else {}),
            **({"effect": one.effect} if one.effect is not None else {}),
        }
        for one in declared
    ]
