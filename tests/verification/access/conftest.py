"""Two clusters whose istiods and workloads are pods, behind API servers on loopback that have these pods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.verification import FleetView
from meshfleet.verification.view import ClusterView, RootObject
from meshfleet.verification.workload_view import WorkloadView
from tests.pod_servers import Command, Pods, failure, pod_server
from tests.tls_servers import kubeconfig

ISTIOD = "istiod-6b7c"
ECHO = WorkloadView("echo", "sample", "echo.sample.svc.cluster.local", 80, True, False, (), {"v1": 1})
OTHER = replace(ECHO, name="other", host="other.sample.svc.cluster.local", allowed_callers=("sample/absent",))
STRICT = RootObject("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}})
RESET = failure(503, "error trying to reach service: read: connection reset by peer", "ServiceUnavailable")


@dataclass
class RealPods:
    """The fleet, and the API server of its first cluster."""

    fleet: FleetView
    server: Pods

    @property
    def west(self) -> ClusterView:
        """The first cluster."""
        return self.fleet.clusters[0]


@pytest.fixture
def recorded_run(recorded: Callable[[str], Any]) -> Callable[[Command], None]:
    """What istiod and the echo client of a fleet that is as declared print."""

    def run(command: Command) -> None:
        if command.arguments[0] == "pilot-discovery":
            page = command.arguments[3].removeprefix("/debug/")
            text = json.dumps(recorded(f"{page}.json"))
            # The recorded proxies rejected a resource.
            command.print(text.replace("lastError", "earlierError"))
            return
        count = int(command.arguments[2].removeprefix("--count="))
        code = 403 if "other." in command.arguments[-1] else 200
        command.print("".join(printed(number, code, ("west", "east")[number % 2]) for number in range(count)))

    return run


def printed(number: int, code: int, cluster: str, peer: str = "spiffe://mesh1/ns/sample/sa/echo") -> str:
    """What the echo client prints for one response."""
    body = ["RBAC: access denied"]
    if code == 200:
        body = [f"Cluster={cluster}", "ServiceVersion=v1", f"RequestHeader=X-Forwarded-Client-Cert:By=x;URI={peer}"]
    return "\n".join([f"[{number}] StatusCode={code}", *(f"[{number} body] {line}" for line in body), "", ""])


@pytest.fixture
def real(fleet: FleetView, tmp_path: Path, recorded_run: Callable[[Command], None]) -> Iterator[RealPods]:
    """West and east with real pods; the server answers as a healthy fleet does."""
    with pod_server() as server:
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig(server.url), encoding="utf-8")
        server.run = recorded_run
        server.services = {"echo": "10.96.0.7", "other": "10.96.0.8"}
        server.proxied = lambda _, port, __: (
            (200, b"", "text/plain") if port == 15021 else (503, json.dumps(RESET).encode(), "application/json")
        )
        server.add(ISTIOD, "istio-system", {"app": "istiod", "istio.io/rev": "default"})
        server.add("echo-v1-1", "sample", {"app": "echo"})
        clusters = tuple(
            replace(
                one,
                pods="real",
                local=False,
                kubeconfig=path,
                control_plane=replace(one.control_plane, debug_url=None),
                workloads=(ECHO, OTHER),
                injected_namespaces=("sample",),
            )
            for one in fleet.clusters[:2]
        )
        mesh = replace(fleet.meshes[0], objects=(STRICT,), trust_domain="mesh1")
        yield RealPods(replace(fleet, clusters=clusters, meshes=(mesh, *fleet.meshes[1:])), server)
