"""What the propagations of the stack file declare for each cluster, as checks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.manifests.propagated_documents import propagated_documents
from meshfleet.topology import Fleet


@dataclass(frozen=True)
class PropagatedView:
    """The propagated objects of one cluster, and the kinds, each by API version and name, of all clusters together."""

    objects: tuple[Mapping[str, Any], ...]
    kinds: tuple[tuple[str, str], ...]


def propagated_views(fleet: Fleet) -> dict[str, PropagatedView]:
    """The view of each cluster; empty where there are no propagations."""
    if not fleet.propagations:
        return {}
    objects = {cluster: tuple(propagated_documents(fleet, cluster).values()) for cluster in fleet.clusters}
    kinds = dict.fromkeys((str(body["apiVersion"]), str(body["kind"])) for each in objects.values() for body in each)
    return {cluster: PropagatedView(each, tuple(kinds)) for cluster, each in objects.items()}
