"""Names are DNS labels, short enough for what is derived from them, and not taken."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.topology.draft import Draft
from meshfleet.topology.faults import Fault
from meshfleet.topology.names import (
    CLUSTER_LENGTH,
    LABEL_LENGTH,
    MESH_LENGTH,
    RESERVED_CLUSTERS,
    RESERVED_NAMESPACE_PREFIXES,
    RESERVED_NAMESPACES,
    RESERVED_NETWORKS,
    label_fault,
)


def names(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name that cannot be used, and one when the fleet is empty."""
    if not draft.names["clusters"]:
        yield Fault("clusters", "the fleet is empty; declare at least one cluster")
    limits = {
        "clusters": (CLUSTER_LENGTH, "since it names the cluster in every system it is registered with"),
        "networks": (LABEL_LENGTH, "since it is the value of the label topology.istio.io/network"),
        "meshes": (MESH_LENGTH, "since it is part of the common name of its root certificate"),
        "namespaces": (LABEL_LENGTH, "since it names a namespace"),
        "virtualMachines": (LABEL_LENGTH, "since it names a Service"),
    }
    for section, (longest, because) in limits.items():
        for name in draft.names[section]:
            fault = label_fault(name, longest, because) or _reserved(section, name)
            if fault:
                yield Fault(f"{section}.{name}", fault)


def _reserved(section: str, name: str) -> str | None:
    taken = {
        "clusters": RESERVED_CLUSTERS,
        "networks": RESERVED_NETWORKS,
        "namespaces": RESERVED_NAMESPACES,
    }.get(section, frozenset())
    if name in taken:
        return f"{name!r} is reserved; reserved are {', '.join(sorted(taken))}"
    if section == "namespaces" and name.startswith(RESERVED_NAMESPACE_PREFIXES):
        return f"{name!r} begins with a reserved prefix; reserved are {', '.join(RESERVED_NAMESPACE_PREFIXES)}"
    return None
