"""Processes on this machine: the ports of istiods on loopback, their log files, and pods as network namespaces."""

from __future__ import annotations

from typing import ClassVar, Final

from meshfleet.dataplane.network.place import Place
from meshfleet.errors import FileError, VerificationError
from meshfleet.files import read_tail
from meshfleet.verification import istiod
from meshfleet.verification.access.base import Answer
from meshfleet.verification.access.envoy_admin import Upstream
from meshfleet.verification.traffic import ANSWER_SECONDS, Reply, Target, send
from meshfleet.verification.view import ClusterView, FleetView
from meshfleet.verification.workload_view import RunningPod, WorkloadView
from meshfleet.workspace.home import Workspace

_LOG_LIMIT: Final = 256 * 1024


class LocalIstiod:
    """The istiod process of a revision of a cluster."""

    def __init__(self, fleet: FleetView, cluster: ClusterView) -> None:
        self._fleet = fleet
        self._cluster = cluster

    def pages(self, page: str, timeout: float, only: str = "") -> tuple[Answer, ...]:
        """The one page, from its port."""
        return (Answer("", istiod.query(self._cluster, page, timeout)),)

    def log(self, timeout: float) -> str:
        """The end of its log file; empty if it is not a process on this machine."""
        if self._fleet.home is None:
            return ""
        folder = self._fleet.workspace().istiod(self._cluster.name, self._cluster.control_plane.revision)
        try:
            return read_tail(folder / "istiod.log", limit=_LOG_LIMIT) or ""
        except FileError:
            return ""


class LocalPods:
    """Pods in network namespaces of this machine; requests are sent from inside of them."""

    captures: ClassVar[bool] = True

    def __init__(self, workspace: Workspace, cluster: ClusterView) -> None:
        self._workspace = workspace
        self._cluster = cluster.name

    def can_send(self, workload: WorkloadView) -> bool:
        """Every pod has a namespace, whatever its program is."""
        return True

    def send(self, caller: RunningPod, target: Target, count: int, timeout: float) -> list[Reply]:
        """From the pod's namespace."""
        return send(self._place().pod(self._cluster, caller.uid), target, count, ANSWER_SECONDS)

    def send_without_proxy(self, pod: RunningPod, port: int, count: int, timeout: float) -> list[Reply]:
        """From the namespace of the node, which has no proxy."""
        return send(self._place().node(self._cluster), Target(pod.address, port, pod.name), count, ANSWER_SECONDS)

    def upstreams(self, caller: RunningPod, target: Target, timeout: float) -> tuple[Upstream, ...]:
        """Raises VerificationError: packets are captured in its place."""
        raise VerificationError(f"packets of {self._cluster} are captured; its proxies are not read")

    def _place(self) -> Place:
        # Reads a file, which only the sending of requests needs.
        return Place.of(self._workspace)
