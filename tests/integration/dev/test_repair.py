"""What breaks in a running fleet is told by verify and drift, and mended by the next up."""

from __future__ import annotations

import shutil

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.testing import FleetUnderTest, Sandbox, kill, settled
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.integration.clone import SHORTLY
from tests.integration.dev import CLUSTERS

pytestmark = pytest.mark.proof("drift and failures are reported and repaired by the next up", step=3)

UP = ("up", "--stack", "dev", "--json")
DRIFT = ("drift", "--stack", "dev", "--json")
VERIFY = ("verify", "--stack", "dev", "--json")


def end(process: psutil.Process) -> None:
    """Kill a process and wait until it is gone."""
    kill(process)
    assert settled(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)


def require_whole(sandbox: Sandbox) -> None:
    """Verified, and as the stack says."""
    assert sandbox.meshfleet(*VERIFY).report["ok"]
    assert sandbox.meshfleet(*DRIFT).report["drift"] == []


def test_a_deleted_remote_secret_is_drift_and_up_with_refresh_mends_it(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    sandbox.meshfleet("status", "--stack", "dev", "--json")
    sandbox.kubectl("dev", "east", "delete", "secret", "istio-remote-secrets", "--namespace", "istio-system")
    drift = sandbox.meshfleet(*DRIFT, expect=3).report
    assert drift["ok"] is False
    assert [line for line in drift["drift"] if line.startswith("east: remote-secrets")] == drift["drift"]
    report = sandbox.meshfleet(*VERIFY, *SHORTLY, expect=1).report
    assert {check["cluster"] for check in report["checks"] if not check["ok"]} == {"east"}
    sandbox.meshfleet(*UP, "--refresh")
    require_whole(sandbox)


def test_a_killed_istiod_fails_verify_is_drift_and_up_starts_it_again(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    end(sandbox.program("dev", "istiods/west.default", "pilot-discovery"))
    report = sandbox.meshfleet(*VERIFY, *SHORTLY, expect=1).report
    failed = [check for check in report["checks"] if not check["ok"]]
    assert not report["ok"]
    assert {check["cluster"] for check in failed} == {"west"}
    assert "clusters-synced" in {check["name"] for check in failed}
    drift = sandbox.meshfleet(*DRIFT, expect=3).report["drift"]
    assert any(line.startswith("west: istiod-process") for line in drift)
    assert all(line.startswith("west: ") for line in drift)
    assert sandbox.meshfleet(*UP).report["changes"] == {"update": 1}
    require_whole(sandbox)


def test_a_killed_api_server_fails_verify_is_drift_and_up_starts_it_again(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    end(sandbox.program("dev", "clusters/west", "kube-apiserver"))
    report = sandbox.meshfleet(*VERIFY, *SHORTLY, expect=1).report
    assert any(check["cluster"] == "west" and not check["ok"] for check in report["checks"])
    drift = sandbox.meshfleet(*DRIFT, expect=3).report["drift"]
    assert any(line.startswith("west: processes") for line in drift)
    assert all(line.startswith("west: ") for line in drift)
    sandbox.meshfleet(*UP)
    require_whole(sandbox)


def test_after_a_reboot_up_starts_everything_again_and_nothing_is_lost(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    sandbox.meshfleet("status", "--stack", "dev", "--json")
    for cluster in CLUSTERS:
        sandbox.kubectl("dev", cluster, "create", "configmap", "survivor", f"--from-literal=cluster={cluster}")
    running = processes.find(sandbox.home / "fleets" / "dev")
    everything = [process for same in running.values() for process in same]
    # The control plane, and where pods are processes the agent of the node.
    assert len(everything) == len(CLUSTERS) * (6 if missing_prerequisite() else 7)
    for process in everything:
        kill(process)
    assert settled(lambda: not processes.find(sandbox.home / "fleets" / "dev"), 20)
    if not missing_prerequisite():
        place = Place.of(Workspace("dev", sandbox.home))
        namespaces.remove(*namespaces.names(place.prefix))
        shutil.rmtree(place.directory)
    told = sandbox.meshfleet("status", "--stack", "dev", "--json").report
    assert len(told["clusters"]) == len(CLUSTERS)
    sandbox.meshfleet(*UP)
    for cluster in CLUSTERS:
        survivor = sandbox.get("dev", cluster, "configmap", "survivor")
        assert survivor["data"] == {"cluster": cluster}
        sandbox.kubectl("dev", cluster, "delete", "configmap", "survivor")
        # And the cluster works: what is new is scheduled and run, not only what was there.
        sandbox.kubectl("dev", cluster, "run", "newcomer", "--image=none", "--restart=Never")
        sandbox.kubectl("dev", cluster, "wait", "pod/newcomer", "--for=condition=Ready", "--timeout=30s")
        sandbox.kubectl("dev", cluster, "delete", "pod", "newcomer", "--wait=false")
    require_whole(sandbox)
