"""The resources of kinds, as rights name them: `deployments` of `apps`.

Source: UnsafeGuessKindToResource of k8s.io/apimachinery/pkg/api/meta, which names every kind of Kubernetes right
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from meshfleet.federation.propagated import Propagated
from meshfleet.topology.propagation.kinds import DEFINITION, mapping

_UNCHANGED: Final = {"Endpoints"}


def plural(kind: str) -> str:
    """The resource of a kind of Kubernetes."""
    name = kind.lower()
    if kind in _UNCHANGED:
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def resources(objects: Iterable[Propagated]) -> dict[str, tuple[str, ...]]:
    """The resources of propagated objects by their group, sorted; those of custom kinds as their definitions say."""
    known = list(objects)
    defined: dict[tuple[str, str], str] = {}
    for one in known:
        if one.key[:2] == DEFINITION:
            spec: Mapping[str, Any] = mapping(one.body.get("spec"))
            names = mapping(spec.get("names"))
            defined[str(spec.get("group")), str(names.get("kind"))] = str(names.get("plural"))
    found: dict[str, set[str]] = {}
    for one in known:
        group, kind = one.key[:2]
        found.setdefault(group, set()).add(defined.get((group, kind)) or plural(kind))
    return {group: tuple(sorted(names)) for group, names in sorted(found.items())}
