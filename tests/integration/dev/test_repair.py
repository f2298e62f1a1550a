"""What breaks in a running fleet is told by verify and drift, and mended by the next up."""

from __future__ import annotations

import shutil

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.node_agent import lacking
from meshfleet.embedded.cluster_spec import COMPONENTS
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.integration.dev.fleet import CLUSTERS, DevFleet
from tests.integration.world import World, kill, settled

pytestmark = pytest.mark.proof("drift and failures are named and mended by the next up", step=3)

UP = ("up", "--stack", "dev", "--json")
DRIFT = ("drift", "--stack", "dev", "--json")
VERIFY = ("verify", "--stack", "dev", "--json")


def end(process: psutil.Process) -> None:
    """Kill a process and wait until it is gone."""
    kill(process)
    assert settled(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)


def require_whole(world: World) -> None:
    """Verified, and as the stack says."""
    assert world.meshfleet(*VERIFY).answer["ok"]
    assert world.meshfleet(*DRIFT).answer["drift"] == []


def collection(world: World, cluster: str) -> dict[str, str]:
    """GOGC of each component of a cluster that runs."""
    found = processes.find(world.home / "fleets" / "dev" / "clusters" / cluster)
    return {name: found[name][0].environ().get("GOGC", "") for name in COMPONENTS if name in found}


def test_a_deleted_remote_secret_is_drift_and_up_with_refresh_mends_it(dev_fleet: DevFleet) -> None:
    world = dev_fleet.world
    world.meshfleet("status", "--stack", "dev", "--json")
    world.kubectl("dev", "east", "delete", "secret", "istio-remote-secrets", "--namespace", "istio-system")
    drift = world.meshfleet(*DRIFT, expect=3).answer
    assert drift["ok"] is False
    assert [line for line in drift["drift"] if line.startswith("east: remote-secrets")] == drift["drift"]
    report = world.meshfleet(*VERIFY, "--seconds", "10", expect=1).answer
    assert {check["cluster"] for check in report["checks"] if not check["ok"]} == {"east"}
    world.meshfleet(*UP, "--refresh")
    require_whole(world)


def test_a_killed_istiod_fails_verify_is_drift_and_up_starts_it_again(dev_fleet: DevFleet) -> None:
    world = dev_fleet.world
    end(world.program("dev", "istiods/west.default", "pilot-discovery"))
    report = world.meshfleet(*VERIFY, "--seconds", "10", expect=1).answer
    failed = [check for check in report["checks"] if not check["ok"]]
    assert not report["ok"]
    assert {check["cluster"] for check in failed} == {"west"}
    assert "clusters-synced" in {check["name"] for check in failed}
    drift = world.meshfleet(*DRIFT, expect=3).answer["drift"]
    assert any(line.startswith("west: istiod-process") for line in drift)
    assert all(line.startswith("west: ") for line in drift)
    assert world.meshfleet(*UP).answer["changes"] == {"update": 1}
    require_whole(world)


def test_a_killed_api_server_fails_verify_is_drift_and_up_starts_it_again(dev_fleet: DevFleet) -> None:
    world = dev_fleet.world
    end(world.program("dev", "clusters/west", "kube-apiserver"))
    report = world.meshfleet(*VERIFY, "--seconds", "10", expect=1).answer
    assert any(check["cluster"] == "west" and not check["ok"] for check in report["checks"])
    drift = world.meshfleet(*DRIFT, expect=3).answer["drift"]
    assert any(line.startswith("west: processes") for line in drift)
    assert all(line.startswith("west: ") for line in drift)
    assert collection(world, "west") == dict.fromkeys(set(COMPONENTS) - {"kube-apiserver"}, "200"), "by kwokctl"
    world.meshfleet(*UP)
    require_whole(world)
    assert collection(world, "west") == dict.fromkeys(COMPONENTS, "200"), "by the repair"


def test_after_a_reboot_up_starts_everything_again_and_nothing_is_lost(dev_fleet: DevFleet) -> None:
    world = dev_fleet.world
    world.meshfleet("status", "--stack", "dev", "--json")
    for cluster in CLUSTERS:
        world.kubectl("dev", cluster, "create", "configmap", "survivor", f"--from-literal=cluster={cluster}")
    running = processes.find(world.home / "fleets" / "dev")
    everything = [process for same in running.values() for process in same]
    # The control plane, and where pods are processes the agent of the node.
    assert len(everything) == len(CLUSTERS) * (6 if lacking() else 7)
    for process in everything:
        kill(process)
    assert settled(lambda: not processes.find(world.home / "fleets" / "dev"), 20)
    if not lacking():
        place = Place.of(Workspace("dev", world.home))
        namespaces.remove(*namespaces.names(place.prefix))
        shutil.rmtree(place.directory)
    told = world.meshfleet("status", "--stack", "dev", "--json").answer
    assert len(told["clusters"]) == len(CLUSTERS)
    world.meshfleet(*UP)
    for cluster in CLUSTERS:
        survivor = world.get("dev", cluster, "configmap", "survivor")
        assert survivor["data"] == {"cluster": cluster}
        world.kubectl("dev", cluster, "delete", "configmap", "survivor")
        # And the cluster works: what is new is scheduled and run, not only what was there.
        world.kubectl("dev", cluster, "run", "newcomer", "--image=none", "--restart=Never")
        world.kubectl("dev", cluster, "wait", "pod/newcomer", "--for=condition=Ready", "--timeout=30s")
        world.kubectl("dev", cluster, "delete", "pod", "newcomer", "--wait=false")
    require_whole(world)
