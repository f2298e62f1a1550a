"""What an access provides. Each method ends within its timeout, and returns a value or raises MeshfleetError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from meshfleet.errors import VerificationError
from meshfleet.verification.access.envoy_admin import Upstream
from meshfleet.verification.traffic import Reply, Target
from meshfleet.verification.view import ClusterView
from meshfleet.verification.workload_view import RunningPod, WorkloadView


@dataclass(frozen=True)
class Answer:
    """A page of the debug API: its decoded JSON, and the istiod that returned it; empty for the only one."""

    istiod: str
    value: Any


class IstiodAccess(Protocol):
    """The istiods of one revision of a cluster's control plane; there are several if it has several replicas."""

    def pages(self, page: str, timeout: float, only: str = "") -> tuple[Answer, ...]:
        """GET one page of the debug API from every istiod, at least one, or from `only` the named one.

        Raises MeshfleetError.
        """
        ...

    def log(self, timeout: float) -> str:
        """The end of their logs; empty if it cannot be read. Raises no MeshfleetError."""
        ...


class PodAccess(Protocol):
    """The running pods of a cluster."""

    captures: ClassVar[bool]
    """Whether packets between networks can be captured; otherwise `upstreams` reports where a proxy sends requests."""

    def can_send(self, workload: WorkloadView) -> bool:
        """Whether requests can be sent from the pods of a workload."""
        ...

    def send(self, caller: RunningPod, target: Target, count: int, timeout: float) -> list[Reply]:
        """Send `count` requests from a pod, through its proxy. Raises MeshfleetError."""
        ...

    def send_without_proxy(self, pod: RunningPod, port: int, count: int, timeout: float) -> list[Reply]:
        """Send `count` requests in clear text to a pod from outside of the mesh. Raises MeshfleetError."""
        ...

    def upstreams(self, caller: RunningPod, target: Target, timeout: float) -> tuple[Upstream, ...]:
        """The endpoints to which the proxy of a pod sends the requests for a Service. Raises MeshfleetError."""
        ...


class NoPodAccess:
    """A cluster whose pods do not run."""

    captures: ClassVar[bool] = False

    def __init__(self, cluster: ClusterView) -> None:
        self._name = cluster.name

    def can_send(self, workload: WorkloadView) -> bool:
        """No workload can."""
        return False

    def send(self, caller: RunningPod, target: Target, count: int, timeout: float) -> list[Reply]:
        """Raises VerificationError."""
        raise VerificationError(f"the pods of {self._name} do not run")

    def send_without_proxy(self, pod: RunningPod, port: int, count: int, timeout: float) -> list[Reply]:
        """Raises VerificationError."""
        raise VerificationError(f"the pods of {self._name} do not run")

    def upstreams(self, caller: RunningPod, target: Target, timeout: float) -> tuple[Upstream, ...]:
        """Raises VerificationError."""
        raise VerificationError(f"the pods of {self._name} do not run")
