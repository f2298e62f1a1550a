"""The resource KindCluster with programs that answer as they are set to: its life, and each fault in one sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import EmbeddedError
from meshfleet.kind import cluster as kind_cluster
from meshfleet.kind import engine, equipment, inotify, nodes
from meshfleet.kind.nodes import Node
from meshfleet.kind.record import KindRecord, read, write
from meshfleet.plugins.meshfleet.handler import Created, Properties
from meshfleet.plugins.meshfleet.kind_cluster import GONE, KindClusterHandler
from meshfleet.processes.bounded_run import Ended
from meshfleet.workspace.home import Workspace
from tests.plugins.meshfleet.fake_docker import FakeDocker, answer

pytestmark = pytest.mark.proof("the life of a kind cluster, fault by fault", step=1)

CALLED = "mf-dev-west"
IMAGE = "kindest/node:v1.35.4"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """The user's engine, which has no image and no container; `docker` and `kind` are programs on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "home"))
    return FakeDocker.install(folder)


@pytest.fixture
def docker(programs: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """The same, answered in this process, which is a hundred times as fast."""

    def run(command: Sequence[str], *, stdin: str = "", **_: Any) -> Ended:
        return Ended(*answer(programs.state, Path(command[0]).name, list(command[1:]), stdin))

    for module in (engine, kind_cluster):
        monkeypatch.setattr(module, "run_bounded", run)
    return programs


@pytest.fixture
def handler() -> KindClusterHandler:
    """The handler."""
    return KindClusterHandler()


@pytest.fixture
def inputs(handler: KindClusterHandler) -> Properties:
    """A cluster of one node with a published image."""
    wanted = {"fleet": "dev", "name": "west", "network": "n", "kubernetesVersion": "v1.35.4", "images": "published"}
    filled, faults = handler.check(wanted)
    assert faults == []
    return filled


@pytest.fixture
def made(docker: FakeDocker, handler: KindClusterHandler, inputs: Properties) -> Created:
    """It, made."""
    return handler.create(inputs, 0)


def folder() -> Path:
    """Where its record is."""
    return Workspace.of("dev").containers("west")


def test_create_makes_marked_nodes_and_reaches_them_by_address(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    assert docker.names == [f"/{CALLED}-control-plane"]
    kubeconfig = json.loads(made.outputs["kubeconfig"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == made.outputs["server"] == "https://172.18.0.2:6443"
    assert made.outputs["gatewayAddresses"] == ["172.18.0.2"]
    assert handler.diff(inputs, made.outputs, inputs).updates == ()
    assert handler.read(made.identifier, inputs, made.outputs) == made.outputs
    # What is secret is in no command line.
    assert "SECRET" not in json.dumps(docker.now["calls"])


def test_the_programs_on_path_are_run(programs: FakeDocker, handler: KindClusterHandler, inputs: Properties) -> None:
    outputs = handler.create(inputs, 0).outputs
    assert programs.names == [f"/{CALLED}-control-plane"]
    handler.delete("dev/west", inputs, outputs, 0)
    assert programs.names == []
    assert {call[0] for call in programs.now["calls"]} == {"docker", "kind"}


def test_addresses_of_gateways_follow_from_that_of_the_node(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    outputs = handler.create(inputs | {"addresses": 3}, 0).outputs
    assert outputs["gatewayAddresses"] == ["172.18.0.2", "172.18.1.2", "172.18.2.2"]
    assert [call[-4] for call in docker.calls("address")] == ["replace"] * 2


def test_a_cluster_of_another_is_never_touched(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    docker.add(CALLED)
    before = docker.now["containers"]
    with pytest.raises(EmbeddedError, match=f"{CALLED} is there that this stack did not make.*it is not touched"):
        handler.create(inputs, 0)
    with pytest.raises(EmbeddedError, match="did not make"):
        handler.diff(inputs, {"state": "running"}, inputs)
    handler.delete("dev/west", inputs, {"mark": "0123456789abcdef"}, 0)
    assert docker.now["containers"] == before
    assert docker.calls("rm") == docker.calls("start") == []


def test_a_mark_of_another_home_is_not_ours(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    docker.add(CALLED, mounts=["/meshfleet/ffffffffffffffff", "/var"])
    with pytest.raises(EmbeddedError, match="did not make"):
        handler.create(inputs, 0)
    assert docker.names == [f"/{CALLED}-control-plane"]


def test_what_a_killed_create_left_is_removed_and_made_again(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    Workspace.of("dev").claim(folder())
    write(folder(), KindRecord("0123456789abcdef", "n", "", built=False))
    docker.add(CALLED, mounts=["/meshfleet/0123456789abcdef"])
    outputs = handler.create(inputs, 0).outputs
    assert len(docker.calls("rm")) == 1
    assert docker.names == [f"/{CALLED}-control-plane"]
    assert outputs["mark"] == "0123456789abcdef"


def test_what_a_killed_create_had_requested_and_is_there_late_is_removed_and_made_again(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    Workspace.of("dev").claim(folder())
    write(folder(), KindRecord("0123456789abcdef", "n", "", built=False))
    docker.set(late=[CALLED])
    handler.create(inputs, 0)
    assert docker.names == [f"/{CALLED}-control-plane"]
    assert len(docker.calls("create")) == 2


def test_a_container_that_is_still_being_created_is_awaited(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    Workspace.of("dev").claim(folder())
    write(folder(), KindRecord("0123456789abcdef", "n", "", built=False))
    docker.add(CALLED, mounts=["/meshfleet/0123456789abcdef"])
    docker.set(unknown=2)
    handler.create(inputs, 0)
    assert docker.calls("rm") == [["docker", "rm", "-f", "-v", f"{CALLED}-control-plane-id"]]
    assert len(docker.calls("create")) == 1
    docker.set(unknown=2)
    kind_cluster.remove_recorded(Workspace.of("dev"))
    assert docker.names == []


def test_a_killed_create_is_removed_by_destroy(docker: FakeDocker, inputs: Properties) -> None:
    workspace = Workspace.of("dev")
    workspace.claim(folder())
    write(folder(), KindRecord("0123456789abcdef", "n", "", built=False))
    docker.add(CALLED, mounts=["/meshfleet/0123456789abcdef"])
    docker.add("another")
    kind_cluster.remove_recorded(workspace)
    assert docker.names == ["/another-control-plane"]
    assert not folder().exists()


def test_nodes_that_are_gone_make_another_cluster(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    docker.set(containers=[])
    difference = handler.diff(inputs, made.outputs, inputs)
    assert difference.replaces == ("state",)
    assert difference.delete_before_replace
    read_now = handler.read(made.identifier, inputs, made.outputs)
    assert read_now is not None
    assert read_now["state"] == GONE


def test_stopped_nodes_are_started_and_equipped_again(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    stopped = docker.now["containers"]
    stopped[0]["State"]["Running"] = False
    docker.set(containers=stopped)
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)
    outputs = handler.update(made.identifier, inputs, made.outputs, inputs, 0)
    assert len(docker.calls("start")) == 1
    assert outputs == made.outputs
    assert handler.diff(inputs, outputs, inputs).updates == ()


def test_nodes_that_restarted_by_themselves_are_equipped_again(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    restarted = docker.now["containers"]
    restarted[0]["State"]["StartedAt"] = "2026-02-02T00:00:00Z"
    docker.set(containers=restarted)
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)
    handler.update(made.identifier, inputs, made.outputs, inputs, 0)
    assert handler.diff(inputs, made.outputs, inputs).updates == ()


def test_a_record_that_is_lost_is_rebuilt_from_the_state(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    (folder() / "cluster.json").unlink()
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)
    handler.update(made.identifier, inputs, made.outputs, inputs, 0)
    assert (record := read(folder())) is not None
    assert record.nonce == made.outputs["mark"]


def test_clusters_of_one_network_have_routes_to_each_other(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    handler.create(inputs | {"name": "east"}, 0)
    batches = docker.calls("-batch")
    assert {call[3] for call in batches} == {"mf-dev-west-control-plane", "mf-dev-east-control-plane"}
    handler.create(inputs | {"name": "north", "network": "another"}, 0)
    assert docker.calls("-batch") == batches


def test_delete_removes_its_nodes_files_and_ranges(
    docker: FakeDocker, made: Created, handler: KindClusterHandler, inputs: Properties
) -> None:
    handler.delete(made.identifier, inputs, made.outputs, 0)
    handler.delete(made.identifier, inputs, made.outputs, 0)
    assert docker.names == []
    assert not Workspace.of("dev").directory.exists()
    reserved = json.loads((Workspace.of("dev").home / "reservations.json").read_text(encoding="utf-8"))
    assert "west" not in json.dumps(reserved)


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "not running": (
        {"version": "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"},
        r"it does not run .*systemctl start docker",
    ),
    "no rights": (
        {"version": "Got permission denied while trying to connect to the Docker daemon socket"},
        r"this user may not use it .*group docker",
    ),
    "missing image": (
        {"pull": "Error response from daemon: manifest for kindest/node:v1.35.4 not found: manifest unknown"},
        r"pull kindest/node:v1\.35\.4: the image is not there and cannot be pulled .*check its name",
    ),
    "full disk": ({"create": "ERROR: no space left on device"}, r"its disk is full .*free some space"),
    "name taken": (
        {"create": 'ERROR: The container name "/mf-dev-west-control-plane" is already in use by container "1"'},
        r"a container of that name is there and not of this stack",
    ),
    "inotify": (
        {"create": "ERROR: could not find a log line: Failed to create inotify object: Too many open files"},
        r"no inotify instance left .*sysctl -w fs\.inotify\.max_user_instances",
    ),
    "something else": ({"create": "ERROR: failed to init node"}, r"kind create cluster: ERROR: failed to init node"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_nothing(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties, fault: str
) -> None:
    failing, message = FAULTS[fault]
    docker.fail(**failing)
    with pytest.raises(EmbeddedError, match=message) as caught:
        handler.create(inputs, 0)
    assert "\n" not in str(caught.value)
    assert docker.names == []
    # Once the cause is gone the same command completes.
    docker.fail()
    assert handler.create(inputs, 0).outputs["state"] == "running"


def test_a_failed_create_has_the_last_words_of_the_kubelet(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties
) -> None:
    docker.fail(create="ERROR: failed to init node")
    with pytest.raises(EmbeddedError, match=r"west: .*printed last: .*\| E0101 cni plugin not initialized"):
        handler.create(inputs, 0)


def test_a_node_that_never_gets_ready_ends_in_its_time_with_its_log(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind_cluster, "_READY_SECONDS", 1.0)
    docker.set(ready=False)
    with pytest.raises(
        EmbeddedError,
        match=r"waited 1 s for mf-dev-west-control-plane to be ready; last seen: .*cni plugin not initialized; check "
        r"the memory .*the kubelet of mf-dev-west-control-plane printed last",
    ):
        handler.create(inputs, 0)
    assert docker.names == []


def test_without_the_programs_that_is_said(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedError, match="docker is not on PATH; install it"):
        handler.create(inputs, 0)


def test_a_named_image_is_pulled_once_and_one_that_is_there_never(
    docker: FakeDocker, handler: KindClusterHandler, inputs: Properties, made: Created
) -> None:
    assert [call[-1] for call in docker.calls("pull")] == [IMAGE]
    handler.create(inputs | {"name": "east"}, 0)
    assert len(docker.calls("pull")) == 1


@pytest.mark.parametrize(("limit", "refused"), [("128", True), ("1024", False), ("", False)])
def test_the_limit_of_inotify_is_looked_at_first(tmp_path: Path, limit: str, refused: bool) -> None:
    (tmp_path / "limit").write_text(limit, encoding="ascii")
    for number in range(4):
        descriptors = tmp_path / "processes" / str(100 + number) / "fd"
        descriptors.mkdir(parents=True)
        for descriptor in range(25):
            (descriptors / str(descriptor)).symlink_to("anon_inode:inotify")
    arguments: Any = (1, tmp_path / "limit", tmp_path / "processes")
    if not refused:
        inotify.require_instances(*arguments)
        return
    with pytest.raises(EmbeddedError, match=r"max_user_instances is 128, \d+ are in use.*sysctl -w"):
        inotify.require_instances(*arguments)


class Said:
    """An engine that prints one text, whatever is run."""

    where = "an engine"

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """It."""
        return Ended(0, self.text, "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["items", "metadata", "spec", "status", "clusters", "users", "Id"]), inner)
    ),
    max_leaves=8,
)


@given(st.text() | JSON.map(json.dumps))
def test_whatever_docker_and_kubectl_print_is_understood_or_an_error(text: str) -> None:
    said: Any = Said(text)
    node = Node("id", "n", "control-plane", True, "", "172.18.0.2", frozenset())
    for read_all in (
        lambda: nodes.nodes_of(said, "called"),
        lambda: nodes.subnet_of(said),
        lambda: equipment.kubeconfig_of(said, node, "called", "https://172.18.0.2:6443"),
        lambda: equipment._understood(text, equipment._ranges),
        lambda: equipment._understood(text, equipment._reasons),
        lambda: equipment._understood(text, equipment._ready_replicas),
    ):
        with suppress(EmbeddedError):
            read_all()
