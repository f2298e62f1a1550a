"""Runtime drift: running pods and machines whose settings differ from the stack.

The engine compares objects. The settings with which a proxy started or a machine registered are in no object of the
stack: checks of `verify` compare them, after `up` and in `drift`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.reporting.changes import Change, Record
from meshfleet.errors import MeshfleetError
from meshfleet.kube.loading import load_lightkube

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.status import Status

COMPARED: Final = ("pods-as-declared", "endpoints-as-declared", "machines-as-declared")
"""The checks that compare running proxies and endpoints with the stack."""
SECONDS: Final = 1.0
"""Timeout of each check; `verify` has a longer one."""
CREATED: Final = "create"


def runtime_drift(session: Session, status: Status, skipped: Collection[str]) -> list[str]:
    """The settings that differ from the stack, a line per cluster and check, without the `skipped` clusters.

    A cluster or an istiod that does not result is left out: the comparison of its resources reports it.
    """
    from meshfleet.verification import read_fleet, run
    from meshfleet.verification.checks import named

    view = read_fleet(status, session.environment.tools, session.checkout.home)
    report = run(view, named(COMPARED), timeout=SECONDS)
    return [
        f"{result.cluster}: {result.detail}"
        for result in report.failed
        if not result.unreachable and result.cluster not in skipped
    ]


def unreachable(record: Record, unread: Iterable[str]) -> set[str]:
    """The clusters that the comparison already reports as stopped or unreadable."""
    stopped = {change.place.cluster for change in record.changes if change.place.stage == "cluster"}
    return stopped | {line.partition(":")[0] for line in unread}


def after_up(session: Session, changes: Iterable[Change]) -> list[str]:
    """Update the entries of machines from their groups, and list pods outside of the fleet that must be restarted.

    One line each. Without machines, an `up` without changes and the first `up` require no queries.
    """
    changed = any(change.operation != CREATED for change in changes)
    if not changed and not session.topology.virtual_machines:
        return []
    try:
        status = session.status()
        lines = _machines(status) if session.topology.virtual_machines else []
        return [*lines, *(_restarts(session, status) if changed else [])]
    except MeshfleetError as error:
        return [f"could not determine whether pods or machines must be restarted: {error}"]


def _restarts(session: Session, status: Status) -> list[str]:
    load_lightkube()
    from lightkube.resources.core_v1 import Pod

    from meshfleet.verification import read_fleet
    from meshfleet.verification.checks.pods_as_declared import PodsAsDeclared, counts, stale
    from meshfleet.verification.cluster_api import reach

    view = read_fleet(status, session.environment.tools, session.checkout.home)
    lines: dict[str, str] = {}
    for cluster in PodsAsDeclared().targets(view):
        with reach(cluster, SECONDS * 5) as client:
            pods = [pod for pod in client.list(Pod, namespace="*") if counts(pod)]
        for one in stale(cluster, pods):
            # Pods of the fleet roll out by themselves.
            if not one.ours:
                lines.setdefault(one.remedy, f"{cluster.name}: {one}; run {one.remedy}")
    return list(lines.values())


def _machines(status: Status) -> list[str]:
    """Update the WorkloadEntries of registered machines from their groups."""
    load_lightkube()
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.types import PatchType

    from meshfleet.kube.api_errors import api_errors, expected_form
    from meshfleet.verification.machine_entries import entry_of, followed, of_machines
    from meshfleet.verification.machine_view import machine_view
    from meshfleet.virtual_machines.bundles import connected

    kind = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")
    views = [machine_view(machines) for machines in status.virtual_machines]
    lines = []
    for home in sorted({view.control_plane for view in views if view.registers}):
        mine = [view for view in views if view.control_plane == home]
        subject = f"{home}: WorkloadEntries"
        with connected(status.cluster(home)) as client, expected_form(subject), api_errors(subject):
            entries = [entry_of(dict(one)) for one in client.list(kind, namespace="*")]
            for view, entry in of_machines(mine, entries):
                if not (spec := followed(view, entry)):
                    continue
                patch: dict[str, Any] = {"spec": spec}
                if "labels" in spec:
                    patch["metadata"] = {"labels": spec["labels"]}
                client.patch(kind, entry.name, patch, namespace=entry.namespace, patch_type=PatchType.MERGE)
                lines.append(f"{home}: WorkloadEntry {entry.name} updated from {view.name}: {', '.join(sorted(spec))}")
    return lines
