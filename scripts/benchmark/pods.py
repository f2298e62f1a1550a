"""Where a pod of a running fleet is on this machine, and where a workload is reached."""

from __future__ import annotations

from dataclasses import dataclass

from lightkube.resources.core_v1 import Pod, Service

from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.cluster import Cluster
from meshfleet.kube.kubeconfig import connect
from meshfleet.manifests.workloads import HTTP_PORT, TARGETS
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.verification.traffic import Target
from meshfleet.workspace.home import Workspace


@dataclass(frozen=True)
class FleetOfPods:
    """The pods of an embedded fleet."""

    workspace: Workspace

    def namespace(self, cluster: str, workload: str, namespace: str) -> str:
        """The network namespace of the pod of a workload in a cluster."""
        metadata = self._pod(cluster, workload, namespace).metadata
        return Place.of(self.workspace).pod(cluster, str(metadata.uid if metadata else ""))

    def pod(self, cluster: str, workload: str, namespace: str) -> Target:
        """The pod itself."""
        status = self._pod(cluster, workload, namespace).status
        return Target(str(status.podIP if status else ""), TARGETS["http"][1], workload)

    def service(self, cluster: str, workload: str, namespace: str) -> Target:
        """The Service as it is called in a cluster."""
        with connect(self._kubeconfig(cluster)) as client:
            specification = client.get(Service, workload, namespace=namespace).spec
        address = str(specification.clusterIP if specification else "")
        return Target(address, HTTP_PORT, f"{workload}.{namespace}.svc.cluster.local")

    def _pod(self, cluster: str, workload: str, namespace: str) -> Pod:
        def one() -> Pod:
            with connect(self._kubeconfig(cluster)) as client:
                for pod in client.list(Pod, namespace=namespace, labels={"app": workload}):
                    conditions = (pod.status.conditions if pod.status else None) or ()
                    if any(one.type == "Ready" and one.status == "True" for one in conditions):
                        return pod
            raise NotYetError("none is ready")

        return wait_until(one, f"a pod of {namespace}/{workload} in {cluster}", 30, "check the node's agent.log")

    def _kubeconfig(self, cluster: str) -> str:
        return Cluster(self.workspace, cluster).kubeconfig.read_text(encoding="utf-8")
