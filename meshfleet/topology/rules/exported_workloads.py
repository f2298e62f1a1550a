"""To which namespaces a workload is exported: each exists, and its callers are in one of them.

Source: https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.rules.workloads import places_of
from meshfleet.topology.workload import EVERY_NAMESPACE, OWN_NAMESPACE, Workload


def exported_workloads(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each namespace that is unknown or given twice, and for each caller in none of them."""
    for name, workload in draft.workloads.items():
        if workload.export_to:
            yield from _namespaces(draft, f"workloads.{name}.exportTo", workload)
            yield from _callers(f"workloads.{name}.allowedCallers", workload)
            yield from _ambient(draft, f"workloads.{name}.exportTo", workload)


def _namespaces(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    known = (*draft.names["namespaces"], *draft.system_namespaces())
    given: list[str] = []
    for position, target in enumerate(workload.export_to):
        namespace = workload.namespace if target == OWN_NAMESPACE else target
        if target not in (OWN_NAMESPACE, EVERY_NAMESPACE, *known):
            yield Fault(f"{path}[{position}]", f"no namespace is named {shown(target)}; known are {', '.join(known)}")
        if namespace in given:
            yield Fault(f"{path}[{position}]", f"{shown(target)} is given twice; name each namespace once")
        given.append(namespace)
    if EVERY_NAMESPACE in given and len(given) > 1:
        yield Fault(path, f"'{EVERY_NAMESPACE}' is every namespace; leave the others out")


def _callers(path: str, workload: Workload) -> Iterator[Fault]:
    for position, caller in enumerate(workload.allowed_callers):
        namespace = caller.partition("/")[0]
        if not workload.is_known_in(namespace):
            yield Fault(
                f"{path}[{position}]",
                f"the workload is not exported to {shown(namespace)}, so that proxies there do not know it; add "
                f"{shown(namespace)} to exportTo, or leave the caller out",
            )


def _ambient(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    places = [place for place in places_of(draft, workload) if place in draft.clusters]
    ambient = [place for place in places if draft.clusters[place].data_plane == "ambient"]
    if ambient:
        yield Fault(
            path,
            f"ztunnels of ambient mode, as in {', '.join(ambient)}, ignore it; leave it out, and give allowedCallers "
            "to limit who may call the workload",
        )
