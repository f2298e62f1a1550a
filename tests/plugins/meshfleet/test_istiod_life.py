"""A real istiod through its whole life: started, found dead, mended, changed, removed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from meshfleet.embedded.istiod import Istiod
from meshfleet.errors import PortError, ProcessError
from meshfleet.plugins.meshfleet.handler import Properties
from meshfleet.plugins.meshfleet.istiod import IstiodHandler
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

pytestmark = pytest.mark.proof("an istiod beside its cluster, as a resource with a whole life cycle", step=3)

IDENTIFIER = f"{FLEET}/west/default"


@pytest.fixture
def handler() -> IstiodHandler:
    return IstiodHandler()


@pytest.fixture
def inputs(handler: IstiodHandler, mesh_cluster: MeshCluster) -> Iterator[Properties]:
    checked, faults = handler.check(mesh_cluster.istiod)
    assert not faults
    yield checked
    handler.delete(IDENTIFIER, checked, {}, 0)


def process_of_west() -> psutil.Process:
    (found,) = processes.find(Workspace.of(FLEET).istiod("west", "default"))["pilot-discovery"]
    return found


def debug(inputs: Properties, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{inputs['address']['httpPort']}{path}", timeout=10) as answer:
        return json.load(answer)


def test_an_istiod_serves_dies_is_noticed_and_comes_back_on_the_same_ports(
    handler: IstiodHandler, inputs: Properties
) -> None:
    made = handler.create(inputs, 0)
    assert made.outputs["state"] == "running"
    assert made.outputs["debugUrl"] == f"http://127.0.0.1:{inputs['address']['httpPort']}"
    assert made.outputs["version"]
    assert [cluster["id"] for cluster in debug(inputs, "/debug/clusterz")] == ["west"]
    assert handler.diff(inputs, made.outputs, inputs).updates == ()

    processes.end([process_of_west()], grace=0)
    seen = handler.read(made.identifier, inputs, made.outputs)
    assert seen is not None
    assert seen["state"] == "stopped"
    assert handler.diff(inputs, made.outputs, inputs).updates == ("state",)

    mended = handler.update(made.identifier, inputs, seen, inputs, 0)
    assert mended == made.outputs
    assert handler.diff(inputs, mended, inputs).updates == ()


def test_a_changed_setting_restarts_it_and_an_unchanged_one_does_not(
    handler: IstiodHandler, inputs: Properties
) -> None:
    outputs = handler.create(inputs, 0).outputs
    first = process_of_west().pid
    handler.create(inputs, 0)
    assert process_of_west().pid == first

    changed = inputs | {"settings": {"PILOT_ENABLE_IP_AUTOALLOCATE": "false"}}
    assert handler.diff(inputs, outputs, changed).updates == ("settings",)
    handler.update(IDENTIFIER, inputs, outputs, changed, 0)
    assert process_of_west().pid != first
    assert process_of_west().environ()["PILOT_ENABLE_IP_AUTOALLOCATE"] == "false"


def test_every_listener_is_on_loopback_and_no_secret_is_readable_by_others(
    handler: IstiodHandler, inputs: Properties
) -> None:
    handler.create(inputs, 0)
    listening = {
        connection.laddr.ip
        for connection in process_of_west().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    directory = Workspace.of(FLEET).istiod("west", "default")
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path
    key = inputs["certificateAuthority"]["caKey"].splitlines()[1]
    assert key not in (directory / "istiod.log").read_text(encoding="utf-8")


def test_istioctl_reaches_the_process_through_its_simulated_pod(
    handler: IstiodHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    handler.create(inputs, 0)
    mesh_cluster.kubectl("-n", "istio-system", "rollout", "status", "deployment/istiod", "--timeout=60s")
    command = [
        str(mesh_cluster.tools / "istioctl"),
        "--kubeconfig",
        str(mesh_cluster.home / "kubectl.yaml"),
        "remote-clusters",
    ]
    environment = os.environ | {"HOME": str(mesh_cluster.home)}
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True).stdout
    assert "west" in shown
    assert "synced" in shown


def test_a_port_that_was_taken_meanwhile_is_reported_with_its_holder(
    handler: IstiodHandler, inputs: Properties
) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", inputs["address"]["httpsPort"]))
        stranger.listen()
        with pytest.raises(PortError, match=rf"{inputs['address']['httpsPort']} \(https\).*process {os.getpid()}"):
            handler.create(inputs, 0)


def test_an_istiod_that_cannot_start_shows_the_end_of_its_log(handler: IstiodHandler, inputs: Properties) -> None:
    authority = inputs["certificateAuthority"] | {"caCertificate": "damaged"}
    with pytest.raises(ProcessError, match=r"exited while starting; the last lines of(.|\n)*certificate"):
        handler.create(inputs | {"certificateAuthority": authority}, 0)


def as_account(cluster: MeshCluster, account: str) -> str:
    """A kubeconfig of the cluster with a token of a ServiceAccount of istio-system, and no certificate."""
    token = cluster.kubectl("create", "token", account, "--namespace", "istio-system").strip()
    head, _, _ = cluster.kubeconfig.partition("    client-certificate-data:")
    return f"{head}    token: {token}\n"


def test_an_external_istiod_reads_its_config_cluster_by_the_kubeconfig_it_is_given_for_that(
    handler: IstiodHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    external = inputs | {"configKubeconfig": as_account(mesh_cluster, "istiod")}
    assert handler.check(external)[1] == []
    outputs = handler.create(external, 0).outputs
    assert [cluster["id"] for cluster in debug(external, "/debug/clusterz")] == ["west"]
    used = (Workspace.of(FLEET).istiod("west", "default") / "kubeconfig").read_text(encoding="utf-8")
    assert used == external["configKubeconfig"]
    assert "client-certificate-data" not in used
    # Its pod is in the other one, where istioctl finds it.
    assert mesh_cluster.kubectl("get", "clusterportforwards", "-o", "name").strip()

    first = process_of_west().pid
    renewed = inputs | {"configKubeconfig": as_account(mesh_cluster, "istiod")}
    assert handler.diff(external, outputs, renewed).updates == ("configKubeconfig",)
    handler.update(IDENTIFIER, external, outputs, renewed, 0)
    assert process_of_west().pid != first
    assert handler.diff(renewed, outputs, inputs).updates == ("configKubeconfig",)


def test_an_external_istiod_whose_account_may_not_read_its_config_cluster_does_not_become_ready(
    handler: IstiodHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    stranger = inputs | {"configKubeconfig": as_account(mesh_cluster, "default")}
    with pytest.raises(ProcessError, match=r"waited 8 s for istiod west\.default to answer .*/ready") as raised:
        handler.create(stranger, 8)
    assert stranger["configKubeconfig"].split()[-1] not in str(raised.value)


def test_nothing_is_left_after_delete(handler: IstiodHandler, inputs: Properties, mesh_cluster: MeshCluster) -> None:
    outputs = handler.create(inputs, 0).outputs
    handler.delete(IDENTIFIER, inputs, outputs, 0)
    assert Istiod(Workspace.of(FLEET), "west", "default").state() is None
    assert handler.read(IDENTIFIER, inputs, outputs) is None
    assert not mesh_cluster.kubectl("get", "clusterportforwards", "-o", "name").strip()
    handler.delete(IDENTIFIER, inputs, outputs, 0)
