"""What a namespace may ask for in the clusters it exists in.

Source: https://istio.io/latest/docs/ambient/usage/waypoint/
"""

from __future__ import annotations

from collections.abc import Iterator

from topology.draft import Draft
from topology.faults import Fault

WAYPOINTS = "https://istio.io/latest/docs/ambient/usage/waypoint/"


def namespaces(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each setting of ambient mode in a namespace that none of its clusters can give it."""
    for name, namespace in draft.namespaces.items():
        wanted = {"waypoint": namespace.waypoint, "globalServices": namespace.global_services}
        places = namespace.clusters or draft.names["clusters"]
        known = [draft.clusters[place] for place in places if place in draft.clusters]
        # A cluster that is missing or unreadable is a fault of its own.
        if len(known) != len(places) or any(cluster.data_plane == "ambient" for cluster in known):
            continue
        for field, asked in wanted.items():
            if asked:
                yield Fault(
                    f"namespaces.{name}.{field}",
                    f"belongs to ambient mode, and none of its clusters ({', '.join(places)}) is ambient; "
                    f"leave it out, or set dataPlane: ambient there ({WAYPOINTS})",
                )
