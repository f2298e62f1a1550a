"""Every virtual machine is registered, and set up, as the stack says now.

Its WorkloadEntry says how others reach it, its bundle what its own proxy is: both are made once. What `up` cannot
change for it is named with the command that sets the machine up again.

Sources: pilot/pkg/autoregistration and /debug/adsz of pilot/pkg/xds/debug.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lightkube.generic_resource import create_namespaced_resource

from meshfleet.verification import istiod
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.istiod import ProxyNode
from meshfleet.verification.machine_entries import Entry, differences, entry_of, of_machines
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.pods import some_of
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision

# Made once: clusters are looked at by several threads at a time, and two of them could not both make it.
_WORKLOAD_ENTRY: Final = create_namespaced_resource("networking.istio.io", "v1", "WorkloadEntry", "workloadentries")


class MachinesAsDeclared(Check):
    """Reads the WorkloadEntries of a cluster, and from its istiods what the proxies of machines say of themselves."""

    name = "machines-as-declared"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        having = {view.control_plane for view in fleet.virtual_machines if view.network}
        return tuple(one for one in fleet.clusters if one.name in having)

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            entries = [entry_of(dict(one)) for one in client.list(_WORKLOAD_ENTRY, namespace="*")]
        views = [view for view in fleet.virtual_machines if view.control_plane == cluster.name]
        asked = [one for one in of_each_revision(cluster) if one.control_plane.debug_url]
        proxies = [proxy for one in asked for proxy in istiod.proxy_nodes(istiod.ask(one, "adsz", patience))]
        return judge(cluster, views, entries, proxies)


def judge(
    cluster: ClusterView, views: Sequence[MachineView], entries: Iterable[Entry], proxies: Iterable[ProxyNode]
) -> Finding:
    """Whether entries and proxies of machines are as the stack says. Pure."""
    known = list(of_machines(views, entries))
    faults = [fault for view, entry in known for fault in _of_entry(view, entry)]
    faults += [fault for view in views for proxy in proxies for fault in _of_proxy(cluster, view, proxy)]
    if faults:
        return Finding(False, f"{some_of(faults)}")
    return Finding(True, f"{len(known)} machines of {cluster.name} are registered as the stack says")


def heal(view: MachineView) -> str:
    """The commands that set a machine up again."""
    return f"meshfleet vm start {view.name} where it runs here, or meshfleet vm bundle {view.name} and install that"


def _of_entry(view: MachineView, entry: Entry) -> Iterator[str]:
    for field, has, should in differences(view, entry):
        yield (
            f"{view.name} at {entry.address}: {field} of WorkloadEntry {entry.name} is {has or 'empty'}, the stack "
            f"says {should or 'none'}; run meshfleet up, and if that leaves it {heal(view)}"
        )


def _of_proxy(cluster: ClusterView, view: MachineView, proxy: ProxyNode) -> Iterator[str]:
    if (proxy.namespace, proxy.workload) != (view.namespace, view.name) or proxy.node:
        return
    pairs = [("network", proxy.network, view.network), ("mesh", proxy.mesh, cluster.mesh)]
    pairs += [("identity", proxy.account, view.account)] if proxy.account else []
    for field, has, should in pairs:
        if has != should:
            yield (f"{view.name}: {field} of its proxy is {has or 'empty'}, the stack says {should}; run {heal(view)}")
