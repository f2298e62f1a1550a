"""Every virtual machine is registered and configured as the stack declares.

Its WorkloadEntry determines how others reach it, its bundle configures its own proxy: both are created once. For what
`up` cannot change, the finding names the command that sets the machine up again.

Sources: pilot/pkg/autoregistration and /debug/adsz of pilot/pkg/xds/debug.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lightkube.generic_resource import create_namespaced_resource

from meshfleet.verification import istiod
from meshfleet.verification.access import istiod_access
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.istiod import ProxyNode
from meshfleet.verification.machine_entries import Entry, differences, entry_of, of_machines
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.pods import some_of
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision

# Created once: several threads check clusters at a time, and creating it twice is an error.
_WORKLOAD_ENTRY: Final = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")


class MachinesAsDeclared(Check):
    """Reads the WorkloadEntries of a cluster, and the node metadata of machines' proxies from its istiods."""

    name = "machines-as-declared"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        joined = {view.control_plane for view in fleet.virtual_machines if view.network}
        return tuple(one for one in fleet.clusters if one.name in joined)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            entries = [entry_of(dict(one)) for one in client.list(_WORKLOAD_ENTRY, namespace="*")]
        views = [view for view in fleet.virtual_machines if view.control_plane == cluster.name]
        proxies = [
            proxy
            for one in of_each_revision(cluster)
            if one.control_plane.kind != "remote"
            for page in istiod_access(fleet, one).pages("adsz", timeout)
            for proxy in istiod.proxy_nodes(page.value)
        ]
        return judge(cluster, views, entries, proxies)


def judge(
    cluster: ClusterView, views: Sequence[MachineView], entries: Iterable[Entry], proxies: Iterable[ProxyNode]
) -> Finding:
    """Whether entries and proxies of machines match the stack. Pure."""
    known = list(of_machines(views, entries))
    faults = [fault for view, entry in known for fault in _of_entry(view, entry)]
    faults += [fault for view in views for proxy in proxies for fault in _of_proxy(cluster, view, proxy)]
    if faults:
        return Finding(False, f"{some_of(faults)}")
    return Finding(True, f"{len(known)} machines of {cluster.name} are registered as the stack declares")


def remedy(view: MachineView) -> str:
    """The commands that set up a machine again."""
    return (
        f"meshfleet vm start {view.name} if it runs on this machine, else install a new meshfleet vm bundle {view.name}"
    )


def _of_entry(view: MachineView, entry: Entry) -> Iterator[str]:
    for field, has, should in differences(view, entry):
        yield (
            f"{view.name} at {entry.address}: {field} of WorkloadEntry {entry.name} is {has or 'empty'}, the stack "
            f"declares {should or 'none'}; run meshfleet up, and if that does not change it, {remedy(view)}"
        )


def _of_proxy(cluster: ClusterView, view: MachineView, proxy: ProxyNode) -> Iterator[str]:
    if (proxy.namespace, proxy.workload) != (view.namespace, view.name) or proxy.node:
        return
    pairs = [("network", proxy.network, view.network), ("mesh", proxy.mesh, cluster.mesh)]
    pairs += [("identity", proxy.account, view.account)] if proxy.account else []
    for field, has, should in pairs:
        if has != should:
            yield (
                f"{view.name}: {field} of its proxy is {has or 'empty'}, the stack declares {should}; "
                f"run {remedy(view)}"
            )
