"""Helm releases that an interrupted run left unfinished, settled before `up` and whenever they stop one.

Above the plugin: what Helm refuses is the same for whichever one is installed (kube/releases/settling.py).
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
from meshfleet.automation.state.recorded_state import Deployment, resources_of
from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.errors import MeshfleetError
from meshfleet.files import read_text

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.kube.releases.settling import Known, Settled

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
# Of Helm itself (pkg/action/{install,upgrade}.go and pkg/storage/driver/driver.go of helm/helm v3).
_REFUSALS: Final = (
    "cannot re-use a name that is still in use",
    "another operation (install/upgrade/rollback) is in progress",
    "has no deployed releases",
)
# Programs that work on releases, and may outlive the engine that started them by minutes.
_WORKERS: Final = frozenset({"helm", "pulumi-resource-kubernetes"})
_END_SECONDS: Final = 10.0


def stopped_by_releases(record: Record) -> bool:
    """Whether anything failed in a way that `settle` may heal."""
    return any(words in sentence for sentence in record.sentences() for words in _REFUSALS)


def settle(session: Session, deployment: Deployment, *, interrupted: bool) -> list[Settled]:
    """Settle the releases of every declared cluster that answers, with what `deployment` knows of them.

    A cluster that does not answer is left to the run that follows, which names or starts it, and is one of
    `session.unsettled` from then on.
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
            session.tell(f"{cluster}: unfinished releases are not settled: {error}")
            unsettled.clusters.add(cluster)
            continue
        for settled in found:
            session.tell(f"{cluster}: {settled}")
        done += found
    return done


def known(deployment: Deployment, cluster: str, *, interrupted: bool) -> Known:
    """What a stack's state says of the releases of a cluster."""
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
        # The ID of what is made, the inputs of what was only begun.
        namespace, _, name = str(resource.get("id") or "").partition("/")
        inputs = resource.get("inputs") or {}
        yield (namespace, name) if name else (str(inputs.get("namespace")), str(inputs.get("name")))


Access = tuple[str, str | None]
"""Kubeconfig (empty where there is none on this machine) and context."""


def _accesses(session: Session) -> Iterator[tuple[str, Callable[[], Access]]]:
    """Every declared cluster with what reads its access, which raises FileError for a damaged kubeconfig."""
    from meshfleet.embedded.cluster import Cluster
    from meshfleet.workspace.home import Workspace

    topology = session.topology
    files = kubeconfig_files(topology)
    workspace = Workspace(topology.name, session.checkout.home)
    for name, cluster in topology.clusters.items():
        if named := cluster.capabilities.context:
            yield name, partial(_existing_access, files[name].content, named.context)
        elif cluster.local:
            yield name, partial(_embedded_access, Cluster(workspace, name).kubeconfig)


def _existing_access(kubeconfig: str, context: str) -> Access:
    return kubeconfig, context


def _embedded_access(kubeconfig: Path) -> Access:
    return read_text(kubeconfig) or "", None


def end_workers() -> None:
    """End the programs that still work for an engine that is gone.

    They share the folder for temporary files of this stack, which only the command that holds it may use.
    """
    own = {process.pid for process in psutil.Process().children(recursive=True)} | {os.getpid()}
    folder = tempfile.gettempdir()
    left = []
    for process in psutil.process_iter():
        try:
            if (
                process.pid not in own
                and os.path.basename((process.cmdline() or [""])[0]) in _WORKERS
                and process.environ().get("TMPDIR") == folder
            ):
                process.terminate()
                left.append(process)
        except psutil.Error:
            # It has just ended, or is another user's.
            continue
    _, alive = psutil.wait_procs(left, timeout=_END_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
