"""Workloads: what they may be called, and where they and their versions may run.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import LABEL_LENGTH, label_fault, section_name_fault
from meshfleet.topology.workload import Workload


def workloads(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each workload that cannot be called so, and for each place where it cannot run."""
    deployments: dict[str, str] = {}
    for name in draft.names["workloads"]:
        if fault := section_name_fault("workloads", name):
            yield Fault(f"workloads.{name}", fault)
    for name, workload in draft.workloads.items():
        path = f"workloads.{name}"
        yield from _versions(path, name, workload, deployments)
        yield from _places(draft, path, workload)
        yield from _taken(draft, path, name, workload)


def places_of(draft: Draft, workload: Workload) -> tuple[str, ...]:
    """The clusters a workload may run in; none while its namespace is unknown or unreadable."""
    namespace = draft.namespaces.get(workload.namespace)
    return (workload.clusters or namespace.clusters or draft.names["clusters"]) if namespace else ()


def _versions(path: str, name: str, workload: Workload, deployments: dict[str, str]) -> Iterator[Fault]:
    if not workload.versions:
        yield Fault(f"{path}.versions", "there is none; name a version, or leave the key out for one called v1")
    for version in workload.versions:
        inside = f"{path}.versions.{version}"
        if fault := label_fault(version, LABEL_LENGTH, "since it is the value of the label version"):
            yield Fault(inside, fault)
            continue
        deployment = f"{name}-{version}"
        # A workload whose own name cannot be has that fault already.
        if len(deployment) > LABEL_LENGTH and not section_name_fault("workloads", name):
            yield Fault(
                inside,
                f"{shown(version)} with the workload's name has {len(deployment)} characters; at most {LABEL_LENGTH} "
                "are allowed, since <workload>-<version> names a Deployment",
            )
        first = deployments.setdefault(deployment, inside)
        if first != inside:
            yield Fault(inside, f"its Deployment is called {deployment!r}, as that of {first}; use another name")


def _places(draft: Draft, path: str, workload: Workload) -> Iterator[Fault]:
    known = draft.names["namespaces"]
    if workload.namespace not in known:
        listed = ", ".join(known) or "none"
        yield Fault(f"{path}.namespace", f"no namespace is named {shown(workload.namespace)}; known are {listed}")
    yield from _clusters(draft, f"{path}.clusters", workload.clusters)
    namespace = draft.namespaces.get(workload.namespace)
    for position, cluster in enumerate(workload.clusters):
        elsewhere = namespace is not None and namespace.clusters and cluster not in namespace.clusters
        if namespace and elsewhere and cluster in draft.names["clusters"]:
            yield Fault(
                f"{path}.clusters[{position}]",
                f"the namespace {workload.namespace!r} exists in {', '.join(namespace.clusters)} only; "
                f"add {cluster!r} to its clusters",
            )
    places = places_of(draft, workload)
    for version, declared in workload.versions.items():
        inside = f"{path}.versions.{version}.clusters"
        yield from _clusters(draft, inside, declared.clusters)
        for position, cluster in enumerate(declared.clusters):
            if places and cluster not in places and cluster in draft.names["clusters"]:
                yield Fault(
                    f"{inside}[{position}]",
                    f"the workload runs in {', '.join(places)} only; add {cluster!r} to its clusters"
                    + ("" if workload.clusters else ", which are those of its namespace"),
                )


def _clusters(draft: Draft, path: str, clusters: Sequence[str]) -> Iterator[Fault]:
    known = draft.names["clusters"]
    for position, cluster in enumerate(clusters):
        if cluster not in known:
            listed = ", ".join(known) or "none"
            yield Fault(f"{path}[{position}]", f"no cluster is named {shown(cluster)}; known are {listed}")
        elif cluster in clusters[:position]:
            yield Fault(f"{path}[{position}]", f"{cluster!r} is given twice; name each cluster once")


def _taken(draft: Draft, path: str, name: str, workload: Workload) -> Iterator[Fault]:
    """A gateway of the same namespace has a Service, an account and a Deployment too."""
    own = {name, *(f"{name}-{version}" for version in workload.versions)}
    for cluster, declared in draft.clusters.items():
        for gateway, described in declared.ingress_gateways.items():
            made = f"{gateway}-istio" if described.api == "gateway" else gateway
            if described.namespace == workload.namespace and made in own:
                yield Fault(
                    path,
                    f"{made!r} is what clusters.{cluster}.ingressGateways.{gateway} has in the namespace "
                    f"{workload.namespace!r}; use another name",
                )
