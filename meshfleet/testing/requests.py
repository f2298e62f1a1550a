"""Real requests: from a pod of a workload, through its proxy, to another workload. Needs `pods: processes` and root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshfleet.testing.conditions import settled
from meshfleet.verification.checks.traffic import REQUESTS
from meshfleet.verification.steady_requests import SteadyRequests, send_steadily
from meshfleet.verification.traffic import Reply, Target, send

if TYPE_CHECKING:
    from meshfleet.testing.fleet import FleetUnderTest

PORT = 80
"""Of the Service of each workload."""
CONTAINER_PORT = 8080
"""Of each pod of a workload."""
_FEW = 10
ANSWER_SECONDS = 10.0
"""Timeout of one request: longer than that of `verify`, since tests run on machines that are busy with other tests."""
READY_SECONDS = 60.0
"""How long a pod that sends may take to be ready."""


@dataclass(frozen=True)
class Sender:
    """A pod that sends: its cluster, and the workload it belongs to, `namespace/name`."""

    fleet: FleetUnderTest
    cluster: str
    workload: str

    @property
    def identity(self) -> str:
        """Its SPIFFE ID in the trust domain of its mesh."""
        namespace, name = self.workload.split("/")
        mesh = self.fleet.mesh(self.fleet.cluster(self.cluster)["mesh"])
        return f"spiffe://{mesh['trustDomain']}/ns/{namespace}/sa/{name}"

    @property
    def network_namespace(self) -> str:
        """The network namespace that it runs in, once it is ready: on a busy machine it is not for a moment."""
        pods: list[dict[str, Any]] = []

        def found() -> bool:
            pods[:] = self.fleet.ready_pods(self.cluster, self.workload)
            return bool(pods)

        assert settled(found, READY_SECONDS), f"{self.cluster}: no pod of {self.workload} is ready"
        return self.fleet.place.pod(self.cluster, pods[0]["metadata"]["uid"])

    def target(self, workload: str, headers: Mapping[str, str] | None = None) -> Target:
        """The Service of a workload as this pod's cluster resolves it."""
        namespace, name = workload.split("/")
        service = self.fleet.get(self.cluster, "service", name, "--namespace", namespace)
        return Target(service["spec"]["clusterIP"], PORT, f"{name}.{namespace}.svc.cluster.local", "/", headers or {})

    def send(self, workload: str, count: int = REQUESTS, headers: Mapping[str, str] | None = None) -> list[Reply]:
        """Send requests one after another, each bounded. Raises NetworkError without a network namespace."""
        return send(self.network_namespace, self.target(workload, headers), count, ANSWER_SECONDS)

    def send_steadily(self, workload: str, per_second: float = 50.0) -> AbstractContextManager[SteadyRequests]:
        """Send at a steady rate until the end of the block."""
        return send_steadily(self.network_namespace, self.target(workload), per_second)

    def is_answered_by(self, workload: str, *clusters: str, seconds: float = 60.0) -> bool:
        """Whether, within `seconds`, exactly these clusters answer a few requests, all of them well."""
        return settled(lambda: answered(self.send(workload, _FEW)).keys() == set(clusters), seconds)


def in_clear_text(fleet: FleetUnderTest, cluster: str, workload: str, count: int = _FEW) -> list[Reply]:
    """Call a pod of a workload in plain text from its node, which has no proxy."""
    (pod, *_) = fleet.ready_pods(cluster, workload)
    target = Target(pod["status"]["podIP"], CONTAINER_PORT, pod["metadata"]["name"])
    return send(fleet.place.node(cluster), target, count, ANSWER_SECONDS)


def answered(replies: Sequence[Reply]) -> Counter[str]:
    """How often each cluster answered with 200; any other outcome counts under its status code and fault."""
    return Counter(one.cluster if one.code == 200 else f"{one.code} {one.fault}" for one in replies)
