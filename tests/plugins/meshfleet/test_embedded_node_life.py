"""A node whose pods are processes through its whole life, as the engine drives it, and through what may kill it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place, lock_file
from meshfleet.dataplane.node import node_agent
from meshfleet.dataplane.node.node_agent import PROGRAM
from meshfleet.dataplane.sweep import sweep
from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.embedded_cluster import EmbeddedClusterHandler
from meshfleet.plugins.meshfleet.embedded_node import EmbeddedNodeHandler
from meshfleet.plugins.meshfleet.handler import Created, Properties
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain import Toolchain
from meshfleet.verification.traffic import Target, request
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

pytestmark = [
    pytest.mark.proof("a node that runs its pods as processes, as a resource with a whole life cycle", step=2),
    pytest.mark.root("network namespaces of pods"),
]

FLEET: Final = "node-tests"
IDENTIFIER: Final = f"{FLEET}/west"
SECONDS: Final = 60.0
# What the echo server of the toolchain is known by, without a proxy beside it.
CONTAINER: Final = {
    "name": "app",
    "image": "docker.io/istio/app:test",
    "args": ["--port", "8080", "--cluster", "west", "--version", "v1"],
    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
}


@pytest.fixture(scope="module")
def home(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHFLEET_HOME", str(home))
        environment.setenv("MESHFLEET_TOOLS", str(toolchain.bin))
        yield home
        sweep(FLEET, home)


@pytest.fixture(scope="module")
def kubeconfig(home: Path) -> str:
    """A cluster without any node of its own."""
    clusters = EmbeddedClusterHandler()
    checked, faults = clusters.check({"fleet": FLEET, "name": "west", "kubernetesVersion": "v1.35.4", "nodes": 0})
    assert not faults
    return str(clusters.create(checked, 0).outputs["kubeconfig"])


@pytest.fixture(scope="module")
def handler() -> EmbeddedNodeHandler:
    return EmbeddedNodeHandler()


@pytest.fixture(scope="module")
def inputs(handler: EmbeddedNodeHandler, kubeconfig: str) -> Properties:
    checked, faults = handler.check(
        {"fleet": FLEET, "cluster": "west", "network": "network-west", "kubeconfig": kubeconfig, "region": "north"}
    )
    assert not faults
    return checked


@pytest.fixture(scope="module")
def made(handler: EmbeddedNodeHandler, inputs: Properties) -> Created:
    return handler.create(inputs, 0)


@pytest.fixture(scope="module")
def pod(made: Created, kubeconfig: str) -> dict[str, Any]:
    """A pod of the application that is ready: its UID and its address."""
    from lightkube.codecs import from_dict
    from lightkube.resources.core_v1 import Pod

    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {"nodeName": "west-0", "containers": [CONTAINER]},
    }
    with connect(kubeconfig) as client:
        client.create(from_dict(manifest))

        def ready() -> dict[str, Any]:
            found = client.get(Pod, "app", namespace="default")
            conditions = {one.type: one.status for one in (found.status.conditions if found.status else None) or ()}
            if conditions.get("Ready") != "True" or not found.metadata or not found.status:
                raise NotYetError(f"the pod is {conditions}")
            return {"uid": found.metadata.uid, "address": found.status.podIP}

        return wait_until(ready, "the pod app", SECONDS, "see agent.log")


def place() -> Place:
    return Place.of(Workspace.of(FLEET))


def agents() -> list[psutil.Process]:
    return processes.find(Workspace.of(FLEET).node("west")).get(PROGRAM, [])


def application(pod: dict[str, Any]) -> list[psutil.Process]:
    inside = namespaces.processes_in(place().pod("west", pod["uid"]))
    # The parent of its process namespace only waits for it.
    return [process for process in inside if process.name() != "unshare"]


def answer(pod: dict[str, Any]) -> int:
    """What the pod answers its node."""
    return namespaces.inside(place().node("west"), lambda: request(Target(pod["address"], 8080, "app"), 5).code)


def eventually(holds: Callable[[], bool], what: str) -> None:
    def look() -> None:
        if not holds():
            raise NotYetError(what)

    wait_until(look, what, SECONDS, "see agent.log")


def test_a_node_of_our_own_is_ready_and_has_the_labels_of_its_place(made: Created, kubeconfig: str) -> None:
    from lightkube.resources.core_v1 import Node

    assert made.identifier == IDENTIFIER
    assert made.outputs == {"state": "running", "pods": "processes"}
    with connect(kubeconfig) as client:
        (node,) = client.list(Node)
    assert node.metadata
    assert node.metadata.labels
    assert node.metadata.labels["topology.kubernetes.io/region"] == "north"


def test_a_pod_is_a_namespace_in_which_its_program_answers(pod: dict[str, Any]) -> None:
    assert len(application(pod)) == 1
    assert answer(pod) == 200


def test_what_is_unchanged_is_left_as_it_is(handler: EmbeddedNodeHandler, made: Created, inputs: Properties) -> None:
    before = [process.pid for process in agents()]
    assert not handler.diff(inputs, made.outputs, inputs).updates
    assert handler.update(IDENTIFIER, inputs, made.outputs, inputs, 0) == made.outputs
    assert [process.pid for process in agents()] == before


def test_a_container_that_is_killed_starts_again(pod: dict[str, Any]) -> None:
    (killed,) = application(pod)
    killed.kill()
    eventually(lambda: {one.pid for one in application(pod)} - {killed.pid} != set(), "the program runs again")
    eventually(lambda: answer(pod) == 200, "the program responds again")


def test_an_agent_that_is_killed_is_missed_and_the_next_one_takes_its_pods_over(
    handler: EmbeddedNodeHandler, made: Created, inputs: Properties, pod: dict[str, Any]
) -> None:
    running = [one.pid for one in application(pod)]
    (agent,) = agents()
    os.kill(agent.pid, signal.SIGKILL)
    agent.wait(10)
    assert answer(pod) == 200
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)
    assert handler.read(IDENTIFIER, inputs, made.outputs) == made.outputs | {"state": "stopped"}
    assert handler.update(IDENTIFIER, inputs, made.outputs, inputs, 0) == made.outputs
    assert answer(pod) == 200
    assert [one.pid for one in application(pod)] == running


def test_without_root_the_node_is_simulated_and_becomes_real_once_that_is_there(
    handler: EmbeddedNodeHandler, made: Created, inputs: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = {"state": "simulated: there is no nft", "pods": "simulated"}
    monkeypatch.setattr(node_agent, "missing_prerequisite", lambda: "there is no nft")
    (Workspace.of(FLEET).node("west") / "state").write_text(simulated["state"], encoding="utf-8")
    assert not handler.diff(inputs, simulated, inputs).updates
    monkeypatch.undo()
    assert handler.diff(inputs, simulated, inputs).updates == ("state",)
    assert handler.update(IDENTIFIER, inputs, simulated, inputs, 0) == made.outputs


def test_a_pod_that_is_deleted_goes_with_all_that_ran_in_it(pod: dict[str, Any], kubeconfig: str) -> None:
    from lightkube.resources.core_v1 import Pod

    with connect(kubeconfig) as client:
        client.delete(Pod, "app", namespace="default")
    eventually(lambda: not namespaces.exists(place().pod("west", pod["uid"])), "the namespace of the pod is gone")
    # Its files go a moment later, once nothing runs that could write there.
    files = place().directory / "pods" / "west" / pod["uid"]
    eventually(lambda: not files.exists(), "the files of the pod are gone")


def test_another_network_changes_the_node_in_place(
    handler: EmbeddedNodeHandler, made: Created, inputs: Properties
) -> None:
    moved = handler.diff(inputs, made.outputs, inputs | {"network": "network-east"})
    assert moved.replaces == ()
    assert "network" in moved.updates


def test_all_of_it_goes_with_the_resource(
    handler: EmbeddedNodeHandler, made: Created, inputs: Properties, kubeconfig: str
) -> None:
    from lightkube.resources.core_v1 import Node

    handler.delete(IDENTIFIER, inputs, made.outputs, 0)
    assert agents() == []
    assert namespaces.names(place().prefix) == ()
    assert handler.read(IDENTIFIER, inputs, made.outputs) is None
    with connect(kubeconfig) as client:
        assert list(client.list(Node)) == []


def test_what_a_killed_run_left_is_removed_and_is_in_nobodys_way(
    handler: EmbeddedNodeHandler, inputs: Properties, home: Path
) -> None:
    # Of a run that ended before it could tell anybody: namespaces, half of them without their files.
    for name in (place().fabric, place().node("west"), place().pod("west", "0b5c"), place().machine("billing")):
        namespaces.create(name)
    namespaces.path_of(place().pod("west", "torn")).touch()
    made = handler.create(inputs, 0)
    assert made.outputs["state"] == "running"
    eventually(lambda: not namespaces.names(place().pods("west")), "pods that no cluster knows are gone")
    (agent,) = agents()
    agent.kill()
    sweep(FLEET, home)
    assert namespaces.names(place().prefix) == ()
    assert not place().directory.exists()
    assert not lock_file(place()).exists()
