"""An embedded cluster through its whole life, as the engine drives it."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from lightkube.models.meta_v1 import ObjectMeta

from meshfleet.dataplane.sweep import sweep
from meshfleet.embedded.cluster import Cluster
from meshfleet.embedded.cluster_record import begin_making
from meshfleet.embedded.cluster_spec import COMPONENTS, PORTS
from meshfleet.embedded.ports import port_is_free, reserve_ports, reserved_ports
from meshfleet.errors import PortError, ToolchainError
from meshfleet.kube.kubeconfig import connect
from meshfleet.kube.releases.server import Server, connected
from meshfleet.plugins.meshfleet.embedded_cluster import EmbeddedClusterHandler
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Properties
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain import Toolchain
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("an embedded cluster, as a resource with a whole life cycle", step=2)

FLEET = "cluster-tests"
IDENTIFIER = f"{FLEET}/east"
DEFINITIONS = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITIONS_MADE = 60


@pytest.fixture(scope="module")
def home(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHFLEET_HOME", str(home))
        environment.setenv("MESHFLEET_TOOLS", str(toolchain.bin))
        yield home
        sweep(FLEET, home)


@pytest.fixture(scope="module")
def handler() -> EmbeddedClusterHandler:
    return EmbeddedClusterHandler()


@pytest.fixture(scope="module")
def inputs(handler: EmbeddedClusterHandler) -> Properties:
    checked, faults = handler.check(
        {
            "fleet": FLEET,
            "name": "east",
            "kubernetesVersion": "v1.35.4",
            "podCidr": "10.20.0.0/16",
            "serviceCidr": "10.120.0.0/16",
            "region": "north",
            "zone": "north-a",
        }
    )
    assert not faults
    return checked


@pytest.fixture(scope="module")
def made(home: Path, handler: EmbeddedClusterHandler, inputs: Properties) -> Created:
    return handler.create(inputs, 0)


def cluster() -> Cluster:
    return Cluster(Workspace.of(FLEET), "east")


def running() -> dict[str, list[psutil.Process]]:
    return processes.find(cluster().directory)


def listeners(process: psutil.Process) -> list[str]:
    found = process.net_connections("inet")
    return [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]


def nodes(made: Created) -> dict[str, dict[str, str]]:
    from lightkube.resources.core_v1 import Node

    with connect(made.outputs["kubeconfig"]) as client:
        return {node.metadata.name: node.metadata.labels for node in client.list(Node)}  # type: ignore[union-attr, misc]


def test_every_component_runs_and_listens_on_loopback_only(made: Created) -> None:
    assert made.identifier == IDENTIFIER
    assert made.outputs["state"] == "running"
    assert sorted(running()) == sorted(COMPONENTS)
    addresses = {address for same in running().values() for process in same for address in listeners(process)}
    assert addresses == {"127.0.0.1"}
    listening = {name for name, same in running().items() if any(map(listeners, same))}
    assert listening == {"kube-apiserver", "kwok-controller"}


def test_nobody_else_can_read_its_files(made: Created) -> None:
    directory = cluster().directory
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink() and path.exists():
            assert path.stat().st_mode & 0o077 == 0 or directory / "kwok" in path.parents, path
    for key in directory.rglob("*.key"):
        assert key.stat().st_mode & 0o077 == 0, key


def test_ranges_region_and_zone_are_those_requested(made: Created) -> None:
    from lightkube.resources.core_v1 import Node, Service

    with connect(made.outputs["kubeconfig"]) as client:
        service = client.get(Service, "kubernetes", namespace="default")
        node = client.get(Node, "east-0")
    assert service.spec is not None
    assert service.spec.clusterIP == "10.120.0.1"
    assert node.spec is not None
    assert node.spec.podCIDR == "10.20.0.0/24"
    labels = nodes(made)["east-0"]
    assert labels["topology.kubernetes.io/region"] == "north"
    assert labels["topology.kubernetes.io/zone"] == "north-a"


def test_nothing_changes_when_nothing_changed(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    before = {process.pid for same in running().values() for process in same}
    assert handler.diff(inputs, made.outputs, inputs).updates == ()
    assert handler.read(made.identifier, inputs, made.outputs) == made.outputs
    # What a create does after a run that was killed just before the engine heard of the first one.
    assert handler.create(inputs, 0) == made
    assert {process.pid for same in running().values() for process in same} == before


def test_dead_processes_are_noticed_and_started_again_with_the_same_data(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    dead = [process for name in ("etcd", "kube-apiserver") for process in running()[name]]
    processes.end(dead, grace=0)
    seen = handler.read(made.identifier, inputs, made.outputs)
    assert seen == made.outputs | {"state": "stopped: etcd, kube-apiserver"}
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)
    assert handler.preview(seen, inputs) == made.outputs

    assert handler.update(made.identifier, inputs, seen, inputs, 0) == made.outputs
    assert list(nodes(made)) == ["east-0"]


def test_a_machine_that_was_restarted_gets_its_cluster_back(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    processes.end([process for same in running().values() for process in same], grace=0)
    # Where a pid file would now name a stranger.
    for pid_file in cluster().directory.rglob("*.pid"):
        pid_file.write_text("1", encoding="utf-8")
    assert handler.update(made.identifier, inputs, made.outputs, inputs, 0) == made.outputs
    assert sorted(running()) == sorted(COMPONENTS)


def test_definitions_that_an_api_server_was_killed_over_are_served_once_it_runs_again(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    kinds = [f"Widget{number}" for number in range(DEFINITIONS_MADE)]
    with connected(made.outputs["kubeconfig"]) as server, ThreadPoolExecutor(4) as pool:
        for kind in kinds:
            pool.submit(server.create, DEFINITIONS, definition(kind), kind, manager="test")
        wait_until(lambda: some_halfway(server), "a definition that is half established", 20, "", every=0.001)
        processes.end(running()["kube-apiserver"], grace=0)
    handler.update(made.identifier, inputs, made.outputs, inputs, 0)
    with connected(made.outputs["kubeconfig"]) as server:
        there = definitions(server)
        assert [one["metadata"]["name"] for one in there if not served(one)] == []
        for one in there:
            assert server.kind("killed.example.com/v1", one["spec"]["names"]["kind"])
            server.delete(f"{DEFINITIONS}/{one['metadata']['name']}", "a definition")


def definition(kind: str) -> Any:
    plural, schema = f"{kind.lower()}s", {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.killed.example.com"},
        "spec": {
            "group": "killed.example.com",
            "scope": "Cluster",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def definitions(server: Server) -> list[Any]:
    listed = server.get(DEFINITIONS, "the definitions") or {}
    return [one for one in listed["items"] if one["spec"]["group"] == "killed.example.com"]


def conditions(definition: Any) -> dict[str, str]:
    return {one["type"]: one["status"] for one in definition.get("status", {}).get("conditions") or []}


def halfway(definition: Any) -> bool:
    return conditions(definition).get("NamesAccepted") == "True" and not served(definition)


def some_halfway(server: Server) -> None:
    there = definitions(server)
    # All of them may have been established between two looks.
    if not any(map(halfway, there)) and sum(map(served, there)) < DEFINITIONS_MADE:
        raise NotYetError("none yet")


def served(definition: Any) -> bool:
    return conditions(definition).get("Established") == "True"


def test_a_port_taken_by_a_stranger_is_reported_with_its_holder(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties, home: Path
) -> None:
    processes.end(running()["kwok-controller"], grace=0)
    port = reserved_ports(home, f"{FLEET}/cluster/east")["kwok-controller"]
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        with pytest.raises(PortError, match=rf"127.0.0.1:{port} \(kwok-controller\) is taken by process \d+ \("):
            handler.update(made.identifier, inputs, made.outputs, inputs, 0)
    assert handler.update(made.identifier, inputs, made.outputs, inputs, 0) == made.outputs


def test_a_cluster_of_an_earlier_version_is_closed_and_keeps_its_data(
    home: Path, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    from lightkube.resources.core_v1 import Namespace

    earlier, owner = inputs | {"name": "earlier"}, f"{FLEET}/cluster/earlier"
    with pytest.MonkeyPatch.context() as before:
        before.setattr("meshfleet.embedded.cluster_spec.CLOSED", {})
        made = handler.create(earlier, 0)
    # That version had a port for each of them.
    reserve_ports(home, owner, (*PORTS, "etcd", "etcd-peer"))
    with connect(made.outputs["kubeconfig"]) as client:
        client.create(Namespace(metadata=ObjectMeta(name="kept")))
    state = "open to other users: etcd, kube-apiserver, kube-controller-manager, kube-scheduler"
    assert handler.read(made.identifier, earlier, made.outputs) == made.outputs | {"state": state}
    assert handler.diff(earlier, made.outputs, earlier).updates == ("state",)

    assert handler.update(made.identifier, earlier, made.outputs, earlier, 0) == made.outputs
    assert set(reserved_ports(home, owner)) == set(PORTS)
    with connect(made.outputs["kubeconfig"]) as client:
        assert client.get(Namespace, "kept")
    handler.delete(made.identifier, earlier, made.outputs, 0)


def test_nodes_come_and_go_in_place(made: Created, handler: EmbeddedClusterHandler, inputs: Properties) -> None:
    more = inputs | {"nodes": 3, "zone": "north-b"}
    assert handler.diff(inputs, made.outputs, more).updates == ("nodes", "zone")
    handler.update(made.identifier, inputs, made.outputs, more, 0)
    assert sorted(nodes(made)) == ["east-0", "east-1", "east-2"]
    assert nodes(made)["east-0"]["topology.kubernetes.io/zone"] == "north-b"
    handler.update(made.identifier, more, made.outputs, inputs, 0)
    assert sorted(nodes(made)) == ["east-0"]


def test_the_state_is_unknown_to_nobody_but_a_new_cluster_needs_a_replacement(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    ranges = handler.diff(inputs, made.outputs, inputs | {"podCidr": "10.30.0.0/16"})
    assert ranges.replaces == ("podCidr",)
    assert ranges.delete_before_replace
    assert UNKNOWN not in handler.preview(made.outputs, inputs).values()


def test_remains_of_a_killed_create_are_ended_and_removed(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    (cluster().directory / "cluster.json").unlink()
    # Without the note it would be a cluster that has lost its record.
    begin_making(cluster().directory)
    (cluster().directory / "kwok" / "leftover").write_text("", encoding="utf-8")
    before = {process.pid for same in running().values() for process in same}
    # Never reported as not there: the engine would forget the cluster, and not what was in it.
    gone = handler.read(made.identifier, inputs, made.outputs)
    assert gone == made.outputs | {"state": "gone: nothing of it is left on this machine"}
    assert handler.diff(inputs, made.outputs, inputs).replaces == ("state",)
    assert handler.diff(inputs, gone, inputs).replaces == ("state",)

    again = handler.create(inputs, 0)
    assert again.outputs["identity"] != made.outputs["identity"]
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in before)
    assert not (cluster().directory / "kwok" / "leftover").exists()


def test_a_version_that_the_toolchain_lacks_is_refused_before_anything_is_made(
    home: Path, handler: EmbeddedClusterHandler, inputs: Properties
) -> None:
    other = inputs | {"name": "other", "kubernetesVersion": "v1.2.3"}
    with pytest.raises(ToolchainError, match=r"v1\.2\.3 is not in the toolchain, which has v1\.35\.4"):
        handler.create(other, 0)
    assert not Workspace.of(FLEET).cluster("other").exists()


def test_ports_that_are_stolen_at_the_last_moment_are_replaced(
    handler: EmbeddedClusterHandler, inputs: Properties, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = f"{FLEET}/cluster/unlucky"
    stolen = reserve_ports(home, owner, PORTS)["kube-apiserver"]
    looks = itertools.count()

    def late(port: int) -> bool:
        return next(looks) < len(PORTS) or port_is_free(port)

    monkeypatch.setattr("meshfleet.embedded.cluster.port_is_free", late)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", stolen))
        stranger.listen()
        unlucky = handler.create(inputs | {"name": "unlucky"}, 0)
    assert unlucky.outputs["state"] == "running"
    assert stolen not in reserved_ports(home, owner).values()
    handler.delete(unlucky.identifier, inputs | {"name": "unlucky"}, unlucky.outputs, 0)


def test_nothing_is_left_after_delete(
    made: Created, handler: EmbeddedClusterHandler, inputs: Properties, home: Path
) -> None:
    handler.delete(made.identifier, inputs, made.outputs, 0)
    assert running() == {}
    assert sorted(path.name for path in home.iterdir()) == [
        ".meshfleet",
        "fleets",
        "reservations.json",
        "reservations.lock",
    ]
    # Of the fleet only that it is one, until its stack goes.
    assert {path.name for path in (home / "fleets").rglob("*") if path.is_file()} <= {".meshfleet", "reservations.json"}
    assert json.loads((home / "reservations.json").read_text(encoding="utf-8")) == {
        "addresses": {},
        "ports": {},
        "version": 1,
    }
    handler.delete(made.identifier, inputs, made.outputs, 0)
