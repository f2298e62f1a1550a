"""What a namespace may ask for in the clusters it exists in.

Sources: https://istio.io/latest/docs/ambient/usage/waypoint/ and
https://istio.io/latest/docs/setup/additional-setup/pod-security-admission/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.labels import POD_SECURITY_ENFORCE, pod_security_fault
from meshfleet.topology.namespace import Namespace

# The init container of a sidecar adds the capability NET_ADMIN, which every other level forbids.
SIDECAR_LEVEL = "privileged"
POD_SECURITY = "https://istio.io/latest/docs/setup/additional-setup/pod-security-admission/"
WAYPOINTS = "https://istio.io/latest/docs/ambient/usage/waypoint/"


def namespaces(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each setting or label of a namespace that its clusters refuse or cannot give it."""
    for name, namespace in draft.namespaces.items():
        yield from _pod_security(draft, name, namespace)
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


def _pod_security(draft: Draft, name: str, namespace: Namespace) -> Iterator[Fault]:
    for key, value in namespace.labels.items():
        path = f"namespaces.{name}.labels.{key}"
        if fault := pod_security_fault(key, value):
            yield Fault(path, fault)
        elif key == POD_SECURITY_ENFORCE and value != SIDECAR_LEVEL and namespace.injection:
            places = namespace.clusters or draft.names["clusters"]
            sidecars = [one for one in places if (c := draft.clusters.get(one)) and c.data_plane == "sidecar"]
            if sidecars:
                yield Fault(
                    path,
                    f"{shown(value)} refuses every pod with a sidecar in {', '.join(sidecars)}, whose init container "
                    f"needs NET_ADMIN; use {SIDECAR_LEVEL}, or leave injection out ({POD_SECURITY})",
                )
