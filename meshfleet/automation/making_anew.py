"""Embedded clusters that the engine would have to replace without being able to ask them for anything.

Their folder was deleted by hand; or another range was asked for while they do not run. Replacing them, the engine
first deletes everything in them, object by object, and in a cluster that does not answer the first of those deletions
fails and the rest never comes. But all of it is gone with the cluster: so it leaves the recorded state, and the run
makes it anew as in a cluster that was never there.

One that runs is replaced by the engine, which deletes all that is in it at the same time, in no order: a namespace may
go before the releases in it, and Helm does not uninstall what it has no record of. So these releases leave the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.answers import say
from meshfleet.automation.recorded_state import Deployment, embedded_clusters_of, gone_with, without
from meshfleet.automation.unfinished_releases import RELEASE
from meshfleet.embedded.cluster_record import is_recorded, read_spec
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.embedded.workspace import Workspace
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.automation.engine import Engine


def to_make_anew(recorded: Deployment, topology: Fleet, home: Path) -> dict[str, str]:
    """The embedded clusters of the stack file that are recorded and cannot be replaced: why, by name."""
    found = {}
    for name in embedded_clusters_of(recorded):
        if name in topology.clusters and topology.clusters[name].embedded and (why := _why(name, topology, home)):
            found[name] = why
    return found


def make_room(engine: Engine, reasons: Mapping[str, str]) -> None:
    """Take what is gone with these clusters out of the recorded state. Only while the stack is held.

    Raises `EngineError`.
    """
    if not reasons:
        return
    for name, why in reasons.items():
        say(f"{name}: {why}; it is recreated with all that the stack has in it")
    engine.rewrite(lambda deployment: _emptied(deployment, reasons))


def leave_releases(engine: Engine, topology: Fleet, home: Path) -> None:
    """Take the releases of running clusters that will be replaced out of the recorded state: they go with the cluster.

    Only while the stack is held. Raises `EngineError`.
    """
    replaced = {
        urn
        for name, urn in embedded_clusters_of(engine.recorded()).items()
        if name in topology.clusters and topology.clusters[name].embedded and _is_replaced(name, topology, home)
    }
    releases = {urn for cluster in replaced for urn in gone_with(engine.recorded(), cluster) if f"{RELEASE}::" in urn}
    if releases:
        engine.rewrite(lambda deployment: without(deployment, releases))


def _emptied(deployment: Deployment, names: Mapping[str, str]) -> Deployment:
    urns = [urn for name, urn in embedded_clusters_of(deployment).items() if name in names]
    gone: frozenset[str] = reduce(frozenset.union, (gone_with(deployment, urn) for urn in urns), frozenset())
    return without(deployment, gone)


def _why(name: str, topology: Fleet, home: Path) -> str:
    workspace = Workspace(topology.name, home)
    if read_spec(workspace.cluster(name)) is None:
        return "nothing of the cluster is left on this machine"
    if not _is_replaced(name, topology, home):
        return ""
    # Every up comes by here, and most of them no further: they start sooner without what a cluster is made with.
    from meshfleet.embedded.cluster import Cluster

    # One whose ports are open runs.
    running = (Cluster(workspace, name).state() or "").startswith(("running", "open to other users"))
    return "" if running else "the cluster does not run, and is to be another one"


def _is_replaced(name: str, topology: Fleet, home: Path) -> bool:
    """Whether the cluster on this machine was made with what cannot be changed, and is declared otherwise now."""
    declared, place = topology.clusters[name], Workspace(topology.name, home).cluster(name)
    present = read_spec(place)
    if present is None or not is_recorded(place):
        return False
    pods, services = declared.pod_cidr, declared.service_cidr
    wanted = ClusterSpec(
        name,
        topology.kubernetes.version,
        pod_cidr=str(pods) if pods else None,
        service_cidr=str(services) if services else None,
    )
    return present.fixed != wanted.fixed
