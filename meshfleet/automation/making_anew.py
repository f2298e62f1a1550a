"""Embedded clusters that the engine would have to replace without being able to ask them for anything.

Their folder was deleted by hand; or another range was asked for while they do not run. Replacing them, the engine
first deletes everything in them, object by object, and in a cluster that does not answer the first of those deletions
fails and the rest never comes. But all of it is gone with the cluster: so it leaves the recorded state, and the run
makes it anew as in a cluster that was never there.

One that runs is replaced by the engine, which deletes all that is in it at the same time, in no order: a namespace may
go before the releases in it, and Helm does not uninstall what it has no record of. So these releases leave the state.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.reporting.output import say
from meshfleet.automation.state.recorded_state import Deployment, embedded_clusters_of, gone_with, resources_of, without
from meshfleet.automation.unfinished_releases import RELEASE
from meshfleet.embedded.cluster_record import is_recorded, read_spec
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.topology import Fleet
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine


def make_room(engine: Engine, recorded: Deployment, topology: Fleet, home: Path) -> None:
    """Take what is gone with such clusters out of the recorded state, and the releases of those that are replaced.

    `recorded` tells which clusters there are. Only while the stack is held. Raises `EngineError`.
    """
    gone, replaced = {}, []
    for name in embedded_clusters_of(recorded):
        if name not in topology.clusters or not topology.clusters[name].local:
            continue
        if why := _why(name, topology, home):
            gone[name] = why
        elif why is None:
            replaced.append(name)
    if gone or replaced:
        for name, why in gone.items():
            say(f"{name}: {why}; it is recreated with all that the stack has in it")
        engine.rewrite(
            lambda deployment: without(deployment, _gone_with(deployment, gone) | _releases_of(deployment, replaced))
        )


def _releases_of(deployment: Deployment, names: Collection[str]) -> frozenset[str]:
    """The releases that vanish together with these clusters."""
    releases = frozenset(str(one["urn"]) for one in resources_of(deployment) if one["type"] == RELEASE)
    return releases & _gone_with(deployment, names)


def _gone_with(deployment: Deployment, names: Collection[str]) -> frozenset[str]:
    urns = [urn for name, urn in embedded_clusters_of(deployment).items() if name in names]
    return reduce(frozenset.union, (gone_with(deployment, urn) for urn in urns), frozenset())


def _why(name: str, topology: Fleet, home: Path) -> str | None:
    """Why the engine cannot replace a cluster; None where it can and will, empty where nothing is to be done."""
    workspace = Workspace(topology.name, home)
    present = read_spec(workspace.cluster(name))
    if present is None:
        return "nothing of the cluster is left on this machine"
    declared = topology.clusters[name]
    pods, services = declared.pod_cidr, declared.service_cidr
    wanted = ClusterSpec(
        name,
        topology.kubernetes.version,
        pod_cidr=str(pods) if pods else None,
        service_cidr=str(services) if services else None,
    )
    if present.fixed == wanted.fixed or not is_recorded(workspace.cluster(name)):
        return ""
    # Every up comes by here, and most of them no further: they start sooner without what a cluster is made with.
    from meshfleet.embedded.cluster import Cluster

    # One whose ports are open runs.
    running = (Cluster(workspace, name).state() or "").startswith(("running", "open to other users"))
    return None if running else "the cluster does not run, and is to be another one"
