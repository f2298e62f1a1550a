"""The workloads of a cluster as checks see them, and their pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshfleet.status.clusters import Workload
from meshfleet.topology.workload import is_exported

if TYPE_CHECKING:
    from lightkube import Client


@dataclass(frozen=True)
class WorkloadView:
    """A workload of a cluster; `replicas` by version are the pods in this cluster.

    `echo` if its responses include their cluster and version; `routed` if weights or headers select the version;
    `allowed_callers` are `namespace/ServiceAccount`, empty if every caller is allowed; `export_to` are the namespaces
    whose proxies know it, empty if all do.
    """

    name: str
    namespace: str
    host: str
    port: int
    echo: bool
    routed: bool
    allowed_callers: tuple[str, ...]
    replicas: Mapping[str, int]
    export_to: tuple[str, ...] = ()

    def is_known_in(self, namespace: str) -> bool:
        """Whether proxies of a namespace know it."""
        return is_exported(self.export_to, self.namespace, namespace)

    @property
    def identity(self) -> str:
        """The identity of the workload as a caller, `namespace/ServiceAccount`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class RunningPod:
    """A running pod: its UID, its address, its name and its namespace."""

    uid: str
    address: str
    name: str
    namespace: str = ""


def workload_view(workload: Workload) -> WorkloadView:
    """The view of a workload in the status."""
    return WorkloadView(
        name=workload.name,
        namespace=workload.namespace,
        host=workload.host,
        port=workload.ports.http,
        echo=workload.echo,
        routed=any(version.weight is not None or version.headers for version in workload.versions),
        allowed_callers=workload.allowed_callers,
        replicas={version.name: version.replicas for version in workload.versions},
        export_to=workload.export_to,
    )


def ready_pods(client: Client, workload: WorkloadView) -> list[RunningPod]:
    """The ready pods of a workload, sorted by name."""
    from lightkube.resources.core_v1 import Pod

    from meshfleet.verification.pods import is_ready

    found = [
        RunningPod(str(pod.metadata.uid), pod.status.podIP, str(pod.metadata.name), workload.namespace)
        for pod in client.list(Pod, namespace=workload.namespace, labels={"app": workload.name})
        if is_ready(pod) and pod.metadata and pod.status and pod.status.podIP and not pod.metadata.deletionTimestamp
    ]
    return sorted(found, key=lambda pod: pod.name)


def service_address(client: Client, workload: WorkloadView) -> str:
    """The cluster IP of its Service; empty if it has none."""
    from lightkube.resources.core_v1 import Service

    found = client.get(Service, workload.name, namespace=workload.namespace)
    return (found.spec.clusterIP if found.spec else None) or ""
