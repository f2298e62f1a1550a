"""What breaks among running proxies is told by verify, with its reason, and mended by the next up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.node_agent import PROGRAM
from meshfleet.testing import FleetUnderTest, Sandbox, kill, settled
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.integration.dev.test_repair import end, require_whole

pytestmark = [
    pytest.mark.proof("what breaks among real proxies is reported and repaired by the next up", step=4),
    pytest.mark.root("pods that are processes"),
]

UP = ("up", "--stack", "dev", "--json")
VERIFY = ("verify", "--stack", "dev", "--json")
# Envoy's limit is 8388608, of which istiod knows nothing.
BROKEN = """\
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: broken, namespace: sample}
spec:
  workloadSelector: {labels: {app: echo}}
  configPatches:
    - applyTo: CLUSTER
      match: {context: SIDECAR_OUTBOUND, cluster: {service: echo.sample.svc.cluster.local}}
      patch:
        operation: MERGE
        value: {lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 9000000}}
"""


@pytest.fixture(scope="module", autouse=True)
def kubeconfigs(dev_fleet: FleetUnderTest) -> None:
    """Written by status, for kubectl."""
    dev_fleet.sandbox.meshfleet("status", "--stack", "dev", "--json")


def failed(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What does not hold: check → cluster → detail."""
    found: dict[str, dict[str, str]] = {}
    for check in report["checks"]:
        if not check["ok"]:
            found.setdefault(check["name"], {})[check["cluster"]] = check["detail"]
    return found


def pod(sandbox: Sandbox, namespace: str, label: str) -> list[psutil.Process]:
    """All that runs in the pod of west with this label."""
    (found,) = sandbox.get("dev", "west", "pods", "-n", namespace, "-l", label)["items"]
    return namespaces.processes_in(Place.of(Workspace("dev", sandbox.home)).pod("west", found["metadata"]["uid"]))


def end_agent_and(sandbox: Sandbox, running: list[psutil.Process]) -> None:
    """Kill the agent of west's node first, since it would start the others again."""
    (agent,) = processes.find(Workspace("dev", sandbox.home).node("west"))[PROGRAM]
    end(agent)
    assert running
    for process in running:
        # Some end with those before them.
        kill(process)


def test_a_killed_gateway_is_seen_from_the_other_clusters_and_up_starts_it_again(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    end_agent_and(sandbox, pod(sandbox, "istio-system", "istio=eastwestgateway"))
    found = failed(sandbox.meshfleet(*VERIFY, "--seconds", "5", expect=1).report)
    assert {"host", "east"} <= set(found["traffic-reach"])
    assert "no response from west" in found["traffic-reach"]["east"]
    assert sandbox.meshfleet(*UP).report["changes"] == {"update": 1}
    require_whole(sandbox)


def test_a_killed_workload_is_seen_and_up_starts_it_again(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    end_agent_and(sandbox, pod(sandbox, "sample", "app=echo"))
    found = failed(sandbox.meshfleet(*VERIFY, "--seconds", "5", expect=1).report)
    assert "west" in found["traffic-reach"]
    assert sandbox.meshfleet(*UP).report["changes"] == {"update": 1}
    require_whole(sandbox)


def test_what_an_envoy_refuses_is_reported_in_its_words_with_the_object_behind_it(
    dev_fleet: FleetUnderTest, tmp_path: Path
) -> None:
    sandbox = dev_fleet.sandbox
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    sandbox.kubectl("dev", "west", "apply", "-f", str(path))
    found: dict[str, str] = {}

    def is_told() -> bool:
        # Istiod waits a moment for what may come after it, before it tells any proxy.
        report = sandbox.meshfleet(*VERIFY, "--seconds", "5", expect=None).report
        found.update(failed(report).get("proxies-synced", {}))
        return bool(found)

    try:
        assert settled(is_told, 60)
    finally:
        sandbox.kubectl("dev", "west", "delete", "-f", str(path))
    (told,) = found.values()
    assert "rejected outbound|80||echo.sample.svc.cluster.local: " in told
    assert "value must be less than or equal to 8388608" in told
    assert "EnvoyFilter sample/broken" in told
    require_whole(sandbox)
