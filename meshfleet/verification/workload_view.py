"""The workloads of a cluster as the checks see them, and the pods in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshfleet.status.clusters import Workload

if TYPE_CHECKING:
    from lightkube import Client


@dataclass(frozen=True)
class WorkloadView:
    """A workload that a cluster knows; `replicas` by version are of the pods that it runs itself.

    `echo` where its answers tell who gave them; `routed` where weights or headers say who does; `allowed_callers`
    are `namespace/ServiceAccount`, empty for everybody.
    """

    name: str
    namespace: str
    host: str
    port: int
    echo: bool
    routed: bool
    allowed_callers: tuple[str, ...]
    replicas: Mapping[str, int]

    @property
    def identity(self) -> str:
        """Who it is to those that it calls, `namespace/ServiceAccount`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class RunningPod:
    """A pod that runs: its UID, its address and its name."""

    uid: str
    address: str
    name: str


def workload_view(workload: Workload) -> WorkloadView:
    """What checks need of a workload of the status."""
    return WorkloadView(
        name=workload.name,
        namespace=workload.namespace,
        host=workload.host,
        port=workload.ports.http,
        echo=workload.echo,
        routed=any(version.weight is not None or version.headers for version in workload.versions),
        allowed_callers=workload.allowed_callers,
        replicas={version.name: version.replicas for version in workload.versions},
    )


def ready_pods(client: Client, workload: WorkloadView) -> list[RunningPod]:
    """The pods of a workload that are ready, in the order of their names."""
    from lightkube.resources.core_v1 import Pod

    from meshfleet.verification.pods import is_ready

    found = [
        RunningPod(str(pod.metadata.uid), pod.status.podIP, str(pod.metadata.name))
        for pod in client.list(Pod, namespace=workload.namespace, labels={"app": workload.name})
        if is_ready(pod) and pod.metadata and pod.status and pod.status.podIP and not pod.metadata.deletionTimestamp
    ]
    return sorted(found, key=lambda pod: pod.name)


def service_address(client: Client, workload: WorkloadView) -> str:
    """The address of its Service in this cluster; empty while it has none."""
    from lightkube.resources.core_v1 import Service

    found = client.get(Service, workload.name, namespace=workload.namespace)
    return (found.spec.clusterIP if found.spec else None) or ""
