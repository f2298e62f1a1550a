"""A use case that is up: a pod of one workload in one cluster sends to another workload, for real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from meshfleet.dataplane.network.place import Place
from meshfleet.verification.checks.traffic import ANSWER_SECONDS, REQUESTS
from meshfleet.verification.status import read_fleet
from meshfleet.verification.steady_requests import SteadyRequests, send_steadily
from meshfleet.verification.traffic import Reply, Target, send
from meshfleet.verification.view import FleetView
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone
from tests.integration.models.running import Running, running
from tests.integration.world import settled

PORT = 80
"""Of the Service of each workload."""


@dataclass(frozen=True)
class Sender:
    """A pod that sends: its cluster, and the workload it is of, `namespace/name`."""

    fleet: Running
    cluster: str
    workload: str

    @property
    def identity(self) -> str:
        """Its SPIFFE ID in the trust domain of its mesh."""
        namespace, name = self.workload.split("/")
        mesh = self.fleet.cluster(self.cluster)["mesh"]
        (domain,) = (one["trustDomain"] for one in self.fleet.status["meshes"] if one["name"] == mesh)
        return f"spiffe://{domain}/ns/{namespace}/sa/{name}"

    @property
    def network_namespace(self) -> str:
        """Where it runs on this machine."""
        (pod,) = ready_pods(self.fleet, self.cluster, self.workload)
        return place(self.fleet).pod(self.cluster, pod["metadata"]["uid"])

    def target(self, workload: str, headers: dict[str, str] | None = None) -> Target:
        """The Service of a workload as this pod's own cluster knows it."""
        namespace, name = workload.split("/")
        service = self.fleet.get(self.cluster, "service", name, "--namespace", namespace)
        return Target(service["spec"]["clusterIP"], PORT, f"{name}.{namespace}.svc.cluster.local", "/", headers or {})

    def send(self, workload: str, count: int = REQUESTS, headers: dict[str, str] | None = None) -> list[Reply]:
        """Send so many requests, one after another, and return what came back."""
        return send(self.network_namespace, self.target(workload, headers), count, ANSWER_SECONDS)

    def asking(self, workload: str, per_second: float = 50.0) -> AbstractContextManager[SteadyRequests]:
        """Send at a steady pace until the end of the block."""
        return send_steadily(self.network_namespace, self.target(workload), per_second)

    def is_answered_by(self, workload: str, *clusters: str, seconds: float = 60.0) -> bool:
        """Whether, in due time, these clusters alone answer, and each request of a few."""
        few = 10
        return settled(lambda: answered(self.send(workload, few)).keys() == set(clusters), seconds)


def place(fleet: Running) -> Place:
    """The data plane of a fleet on this machine."""
    return Place.of(Workspace(fleet.stack, fleet.world.home))


def seen(fleet: Running) -> FleetView:
    """The fleet as checks see it."""
    return read_fleet(fleet.status, fleet.world.home, fleet.world.home)


def ready_pods(fleet: Running, cluster: str, workload: str) -> list[dict[str, Any]]:
    """The pods of a workload in a cluster that are ready and are to stay so."""
    namespace, name = workload.split("/")
    pods = fleet.get(cluster, "pods", "--namespace", namespace, "--selector", f"app={name}")["items"]
    return [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(
            one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ())
        )
    ]


def in_clear_text(fleet: Running, cluster: str, workload: str, count: int = 10) -> list[Reply]:
    """Call a pod of a workload from its node, which is behind no proxy."""
    (pod,) = ready_pods(fleet, cluster, workload)
    target = Target(pod["status"]["podIP"], 8080, pod["metadata"]["name"])
    return send(place(fleet).node(cluster), target, count, ANSWER_SECONDS)


def answered(replies: Sequence[Reply]) -> Counter[str]:
    """How often each cluster answered, and under the fault's own words each fault."""
    return Counter(one.cluster if one.code == 200 else f"{one.code} {one.fault}" for one in replies)


@contextmanager
def sending(clone: Clone, stack: str) -> Iterator[Running]:
    """Bring a use case up and verify it, with no check left out; it is destroyed at the end."""
    with running(clone, stack) as fleet:
        asked = fleet.verified()
        clusters = {entry["name"] for entry in fleet.status["clusters"]}
        assert asked["proxies-synced"] == clusters
        yield fleet
