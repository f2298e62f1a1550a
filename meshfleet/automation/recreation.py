"""Clusters that `up` recreates: their resources are dropped from the state, so that the run creates all of them again.

Without that the engine would first delete the old objects. For a cluster that was replaced by a different one it would
delete them by name in the new cluster, where they do not belong to the stack. For an embedded cluster that is gone
(deleted by hand, or stopped and declared with another range) the first deletion would fail and the run with it.

A running embedded cluster is replaced by the engine, which deletes all of its resources concurrently: a namespace may
be deleted before its releases, and Helm cannot uninstall a release without its record. Therefore these releases are
dropped from the state as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.state.recorded_state import (
    Deployment,
    containers_of,
    embedded_clusters_of,
    gone_with,
    inside,
    resources_of,
    without,
    without_description,
)
from meshfleet.automation.unfinished_releases import RELEASE
from meshfleet.embedded.cluster_record import is_recorded, read_spec
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.errors import EmbeddedError
from meshfleet.topology import Fleet
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine


def without_clusters(deployment: Deployment, names: Collection[str]) -> Deployment:
    """The state without the resources of these clusters, as if they had never been deployed."""
    dropped: frozenset[str] = reduce(frozenset.union, (inside(deployment, name) for name in names), frozenset())
    return without_description(without(deployment, dropped), names)


def drop_replaced(engine: Engine, reasons: Mapping[str, str], home: Path) -> None:
    """Drop clusters that were replaced by different ones from the state, with their processes on this machine.

    `reasons` are printed. Requires the lock of the stack. Raises `EngineError`, `ProcessError`, `EmbeddedError`.
    """
    if not reasons:
        return
    from meshfleet.dataplane.sweep import sweep_cluster

    for reason in reasons.values():
        print_line(reason)
    engine.rewrite(lambda deployment: without_clusters(deployment, reasons))
    for name in reasons:
        # Their istiods have keys of the old cluster; reservations of ports and addresses were dropped with the state.
        sweep_cluster(engine.file.stack, name, home)


@contextmanager
def preview_engine(engine: Engine, names: Collection[str]) -> Iterator[Engine]:
    """The engine for a preview: on a copy of the state without the clusters that `up` would drop, else itself."""
    if not names:
        yield engine
        return
    with engine.supposing(lambda deployment: without_clusters(deployment, names)) as copy:
        yield copy


def drop_lost(engine: Engine, recorded: Deployment, topology: Fleet, home: Path) -> None:
    """Drop lost clusters of this machine from the state, and the releases of embedded clusters that are replaced.

    `recorded` is the recorded state. Requires the lock of the stack. Raises `EngineError`.
    """
    lost, replaced = {}, []
    for name in embedded_clusters_of(recorded):
        if name not in topology.clusters or not topology.clusters[name].local:
            continue
        if reason := _reason_to_drop(name, topology, home):
            lost[name] = reason
        elif reason is None:
            replaced.append(name)
    lost |= _lost_containers(recorded, topology, home)
    if lost or replaced:
        for name, reason in lost.items():
            print_line(f"{name}: {reason}; it is recreated with all of its resources")
        engine.rewrite(
            lambda deployment: without(deployment, _resources_in(deployment, lost) | _releases_in(deployment, replaced))
        )


def _lost_containers(recorded: Deployment, topology: Fleet, home: Path) -> dict[str, str]:
    """The declared clusters whose nodes were containers and are gone, each with the reason."""
    found = {name: one for name, one in containers_of(recorded).items() if name in topology.clusters}
    if not found:
        return {}
    # Most runs of up return before this import, and start faster without it.
    from meshfleet.kind.cluster import recorded_state

    lost = {}
    for name, resource in found.items():
        inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
        try:
            state = recorded_state(Workspace(topology.name, home), name, inputs, str(outputs.get("mark") or ""))
        except EmbeddedError:
            # The engine reports it for the cluster, and goes on with the others.
            continue
        if state is None:
            lost[name] = "its nodes, containers on this machine, are gone"
    return lost


def _releases_in(deployment: Deployment, names: Collection[str]) -> frozenset[str]:
    releases = frozenset(str(one["urn"]) for one in resources_of(deployment) if one["type"] == RELEASE)
    return releases & _resources_in(deployment, names)


def _resources_in(deployment: Deployment, names: Collection[str]) -> frozenset[str]:
    containers = {name: str(one["urn"]) for name, one in containers_of(deployment).items()}
    urns = [urn for name, urn in (embedded_clusters_of(deployment) | containers).items() if name in names]
    return reduce(frozenset.union, (gone_with(deployment, urn) for urn in urns), frozenset())


def _reason_to_drop(name: str, topology: Fleet, home: Path) -> str | None:
    """Why the engine cannot replace a cluster; None if it can and will, empty if the cluster does not change."""
    workspace = Workspace(topology.name, home)
    present = read_spec(workspace.cluster(name))
    if present is None:
        return "the directory of the cluster is missing"
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
    # Most runs of up return before this import, and start faster without it.
    from meshfleet.embedded.cluster import Cluster

    # A cluster whose ports are open to other users is running.
    running = (Cluster(workspace, name).state() or "").startswith(("running", "open to other users"))
    return None if running else "the cluster is stopped and must be replaced"
