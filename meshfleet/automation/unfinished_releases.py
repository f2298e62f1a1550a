"""Helm releases that an interrupted run left unfinished, settled before `up` and when they make one fail.

Independent of the Kubernetes plugin: Helm rejects such releases with every plugin (kube/releases/settling.py).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.state.recorded_state import Deployment, existing_clusters_of, resources_of
from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.errors import MeshfleetError
from meshfleet.files import read_text

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine
    from meshfleet.automation.session import Session
    from meshfleet.kube.releases.settling import Known, Settled

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
# Error messages of Helm (pkg/action/{install,upgrade}.go and pkg/storage/driver/driver.go of helm/helm v3).
_REFUSALS: Final = (
    "cannot re-use a name that is still in use",
    "another operation (install/upgrade/rollback) is in progress",
    "has no deployed releases",
)
# Programs that change releases, and may outlive the engine that started them by minutes.
_WORKERS: Final = frozenset({"helm", "pulumi-resource-kubernetes"})
_END_SECONDS: Final = 10.0


def stopped_by_releases(record: Record) -> bool:
    """Whether a failure may be fixed by `settle`."""
    return any(words in sentence for sentence in record.sentences() for words in _REFUSALS)


def settle(session: Session, deployment: Deployment, *, interrupted: bool) -> list[Settled]:
    """Settle the releases of every declared cluster that responds, by their record in `deployment`.

    A cluster that does not respond is left to the following run, which reports or starts it, and is added to
    `session.unsettled`.
    """
    from meshfleet.kube.releases.owner import Owner
    from meshfleet.kube.releases.server import connected
    from meshfleet.kube.releases.settling import settle as settle_on

    end_workers()
    fleet = session.topology.name
    done: list[Settled] = []
    unsettled = session.unsettled
    for cluster, read_access in _accesses(session):
        killed = interrupted or (unsettled.interrupted and cluster in unsettled.clusters)
        try:
            kubeconfig, context = read_access()
            if not kubeconfig:
                continue
            with connected(kubeconfig, context) as server:
                found = settle_on(server, Owner(fleet, cluster), known(deployment, cluster, interrupted=killed))
        except MeshfleetError as error:
            session.notify(f"{cluster}: cannot settle unfinished releases: {error}")
            unsettled.clusters.add(cluster)
            continue
        for settled in found:
            session.notify(f"{cluster}: {settled}")
        done += found
    return done


def known(deployment: Deployment, cluster: str, *, interrupted: bool) -> Known:
    """The releases of a cluster in the state of a stack."""
    from meshfleet.kube.releases.settling import Known

    recorded = [resource for resource in resources_of(deployment) if _is_release_of(resource, cluster)]
    pending = [
        resource
        for operation in deployment.get("pending_operations") or []
        if _is_release_of(resource := operation.get("resource") or {}, cluster)
    ]
    return Known(
        recorded=frozenset(_names(recorded)),
        pending=frozenset(_names(pending)),
        urns=frozenset(str(resource["urn"]) for resource in [*recorded, *pending]),
        interrupted=interrupted,
    )


def _is_release_of(resource: Mapping[str, Any], cluster: str) -> bool:
    name = str(resource.get("urn", "")).rpartition("::")[2]
    return resource.get("type") == RELEASE and name.startswith(f"{cluster}/")


def _names(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for resource in resources:
        # The ID of a created release, else the inputs of a pending one.
        namespace, _, name = str(resource.get("id") or "").partition("/")
        inputs = resource.get("inputs") or {}
        yield (namespace, name) if name else (str(inputs.get("namespace")), str(inputs.get("name")))


Access = tuple[str, str | None]
"""Kubeconfig (empty if there is none on this machine) and context."""


def _accesses(session: Session) -> Iterator[tuple[str, Callable[[], Access]]]:
    """Every declared cluster with a function that reads its access, which raises FileError for a damaged kubeconfig."""
    from meshfleet.embedded.cluster import Cluster
    from meshfleet.workspace.home import Workspace

    topology = session.topology
    files = kubeconfig_files(topology)
    workspace = Workspace(topology.name, session.checkout.home)
    recorded = existing_clusters_of(session.engine.recorded())
    for name, cluster in topology.clusters.items():
        if named := cluster.capabilities.context:
            yield name, partial(_existing_access, files[name].content, named.context)
        elif cluster.local:
            yield name, partial(_embedded_access, Cluster(workspace, name).kubeconfig)
        elif name in recorded:
            yield name, partial(_recorded_access, session.engine, name)


def _existing_access(kubeconfig: str, context: str) -> Access:
    return kubeconfig, context


def _recorded_access(engine: Engine, cluster: str) -> Access:
    """Of a cluster that the stack made elsewhere: what the state has of it."""
    return engine.recorded_access([cluster]).get(cluster, ("", None))


def _embedded_access(kubeconfig: Path) -> Access:
    return read_text(kubeconfig) or "", None


def end_workers() -> None:
    """Terminate the programs of an engine that has exited.

    They are identified by the temporary directory of this stack, which only the command with the lock may use.
    """
    own = {process.pid for process in psutil.Process().children(recursive=True)} | {os.getpid()}
    folder = tempfile.gettempdir()
    terminated = []
    for process in psutil.process_iter():
        try:
            if (
                process.pid not in own
                and os.path.basename((process.cmdline() or [""])[0]) in _WORKERS
                and process.environ().get("TMPDIR") == folder
            ):
                process.terminate()
                terminated.append(process)
        except psutil.Error:
            # It has just exited, or belongs to another user.
            continue
    _, alive = psutil.wait_procs(terminated, timeout=_END_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
