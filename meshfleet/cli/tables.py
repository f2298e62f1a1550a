"""Tables for people; programs use --json."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from meshfleet.automation.reporting.changes import Change
from meshfleet.automation.reporting.output import completed

if TYPE_CHECKING:
    from meshfleet.status import Status
    from meshfleet.status.clusters import Cluster, ControlPlane, IngressGateway
    from meshfleet.verification import CheckResult, Report

# The control plane of a cluster by kind; `of` is the other cluster.
PLANES = {"own": "own", "remote": "remote of {of}", "external": "external in {of}"}
# In a log, do not wrap long paths in narrow columns.
console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 240)


def changes_table(changes: Sequence[Change], none: str) -> None:
    """One row per change; the text `none` without changes."""
    if not changes:
        console.print(none)
        return
    table = _table("cluster", "stage", "what", "change", "fields")
    for change in changes:
        place = change.place
        table.add_row(place.cluster or "fleet", place.stage, place.what, change.operation, ", ".join(change.fields))
    console.print(table)


def show_result(result: CheckResult) -> None:
    """One result as it arrives."""
    mark = "[green]✓[/green]" if result.ok else "[red]✗[/red]"
    console.print(f"{mark} {escape(result.cluster)}  {result.name}  [dim]{escape(completed(result.detail))}[/dim]")


def checks_table(report: Report) -> None:
    """The results of a verification: a row for each check, a column for each cluster."""
    clusters = sorted({result.cluster for result in report.results})
    table = _table("check", *clusters)
    for name in sorted({result.name for result in report.results}):
        # With several revisions, a check runs once for each revision of a cluster.
        marks = [
            [one.ok for one in report.results if (one.name, one.cluster) == (name, cluster)] for cluster in clusters
        ]
        table.add_row(name, *(_mark(all(found) if found else None) for found in marks))
    console.print(table)
    for line in _not_run(report):
        console.print(line)
    passed = sum(result.ok for result in report.results)
    console.print(
        f"{passed} of {len(report.results)} checks passed" + ("" if report.ok else "; the fleet is not verified")
    )


def _not_run(report: Report) -> Iterator[str]:
    """A line for each reason and its clusters, with the checks that were not run."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in sorted(report.not_run):
        where.setdefault((one.name, one.reason), []).append(one.cluster)
    checks: dict[tuple[str, str], list[str]] = {}
    for (name, reason), found in where.items():
        checks.setdefault((", ".join(found), reason), []).append(name)
    for (found_in, reason), names in checks.items():
        yield f"not run: {', '.join(names)} of {found_in}: {reason}"


def status_table(status: Status) -> None:
    """Clusters and meshes of a running fleet."""
    table = _table(
        "cluster",
        "role",
        "mesh",
        "network",
        "region/zone",
        "control plane",
        "intermediate until",
        "gateway",
        "kubeconfig",
    )
    for cluster in status.clusters:
        gateway = cluster.gateway
        table.add_row(
            *(cluster.name, cluster.role, cluster.mesh, cluster.network),
            "/".join(filter(None, (cluster.region, cluster.zone))),
            _plane(cluster.control_plane),
            _day(cluster.intermediate_not_after),
            f"{gateway.address}:{gateway.port}" if gateway else "",
            cluster.kubeconfig or "",
        )
    console.print(table)
    for cluster in status.clusters:
        if cluster.read_by is not None:
            console.print(f"{cluster.name} is discovered by {', '.join(cluster.read_by) or 'no other cluster'}")
    for cluster in status.clusters:
        for ingress in cluster.ingress_gateways:
            console.print(f"ingress gateway {ingress.name} of {cluster.name}: {_reached(ingress)}")
    for line in _workloads(status.clusters):
        console.print(line)
    for line in machine_lines(status):
        console.print(line)
    for line in portal_lines(status):
        console.print(line)
    for mesh in status.meshes:
        console.print(f"mesh {mesh.name}: {mesh.model}, trust domain {mesh.trust_domain}")
        console.print(f"  {mesh.trust}")
        for root in mesh.roots:
            signs = ", signs" if root.name == mesh.signing else ""
            console.print(f"  root {root.name} {root.fingerprint[:16]}… until {_day(root.not_after)}{signs}")


def portal_lines(status: Status) -> Iterator[str]:
    """Where the API portal is, what is behind it, and whether it responds."""
    portal = status.portal
    if portal is None:
        return
    word = {True: "[green]ready[/green]", False: "[red]does not respond[/red]; run meshfleet up", None: "not asked"}
    yield f"portal beside {portal.cluster} at {portal.url or 'no address yet'}: {word[portal.ready]}"
    yield f"  leads to {', '.join(portal.clusters)}"


def machine_lines(status: Status) -> Iterator[str]:
    """A line for each group of machines: where they are, and how they are reached."""
    reached = {cluster.network for cluster in status.clusters}
    reached |= {gateway.network for mesh in status.meshes for gateway in mesh.network_gateways}
    for machines in status.virtual_machines:
        host = f", host {machines.host}" if machines.host else ""
        closed = "" if machines.network in reached else " (no gateway leads into it)"
        place = f"namespace {machines.namespace}, network {machines.network}{closed}"
        yield f"virtual machines {machines.name} of {machines.cluster}: {place}{host}"


def _workloads(clusters: Sequence[Cluster]) -> Iterator[str]:
    """A line for each workload: its host name, and the clusters that run each of its versions."""
    running: dict[str, dict[str, list[str]]] = {}
    for cluster in clusters:
        for workload in cluster.workloads:
            versions = running.setdefault(workload.host, {})
            for version in workload.versions:
                versions.setdefault(version.name, []).append(cluster.name)
    for host, versions in sorted(running.items()):
        places = "; ".join(f"{version} in {', '.join(names)}" for version, names in sorted(versions.items()))
        yield f"workload {host}: {places}"


def machines_table(machines: Sequence[Mapping[str, Any]]) -> None:
    """Groups of machines, a row for each registered machine."""
    if not machines:
        console.print("the stack has no virtual machines")
        return
    table = _table("machines", "namespace", "cluster", "network", "host", "machine", "connected", "healthy")
    for group in machines:
        about = (group["name"], group["namespace"], group["cluster"], group["network"], group["host"] or "")
        if not group["registered"]:
            table.add_row(*about, "none registered")
        for machine in group["registered"]:
            table.add_row(
                *about, machine["address"], "yes" if machine["connected"] else "no", _mark(machine["healthy"])
            )
    console.print(table)


def _reached(gateway: IngressGateway) -> str:
    """The address of an ingress gateway, and its listeners with their hosts."""
    listeners = [f"{one.protocol} {one.port} ({', '.join(one.hosts)})" for one in gateway.listeners]
    return f"{gateway.address}, {'; '.join(listeners)}, namespace {gateway.namespace}"


def _day(moment: str | None) -> str:
    """The date of an RFC 3339 timestamp; empty for None."""
    return (moment or "").partition("T")[0]


def _plane(plane: ControlPlane) -> str:
    where = PLANES[plane.kind].format(of=plane.of)
    names = [revision.name for revision in plane.revisions]
    if names in ([], ["default"]):
        return where
    on = [f"{name} (workloads)" if name == plane.revision else name for name in names]
    return f"{where}: {', '.join(on)}"


def _mark(ok: bool | None) -> str:
    return "" if ok is None else "[green]✓[/green]" if ok else "[red]✗[/red]"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
