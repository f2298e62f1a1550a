"""All plugins of a package in one process: each as the engine knows it, with an end of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from meshfleet.plugins.kubernetes.provider import VERSION as KUBERNETES
from meshfleet.plugins.meshfleet.provider import VERSION as MESHFLEET
from meshfleet.processes.waiting import NotYetError, wait_until

pytestmark = pytest.mark.proof("plugins start quickly, speak plainly and never outlive the engine", step=0)

CHECKOUT = Path(__file__).parents[2]
SECONDS = 30
Launch = Callable[[], subprocess.Popen[str]]


@pytest.fixture(params=[("meshfleet", MESHFLEET), ("kubernetes", KUBERNETES)], ids=["meshfleet", "kubernetes"])
def package(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A package and the version that its plugins say."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def shared(tmp_path: Path, package: tuple[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The shared process of a package; its socket is `socket` in the test's folder."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        command = [sys.executable, "-m", "meshfleet.plugins.shared", package[0], str(listener.fileno())]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    with process:
        yield process
        process.kill()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start what the engine starts; the script says when it has to be a plugin of its own."""
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\necho "on its own: $*, ${MESHFLEET_PLUGINS:-no socket}"\n')
    script.chmod(0o755)
    command = [
        sys.executable,
        "-I",
        "-S",
        str(CHECKOUT / "meshfleet" / "plugins" / "attach.py"),
        str(tmp_path / "socket"),
    ]
    environment = {**os.environ, "MESHFLEET_PLUGINS": str(tmp_path)}
    with ExitStack() as stack:

        def started() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*command, str(script), "127.0.0.1:1"], env=environment, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def version(port: str) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        return str(stub.GetPluginInfo(empty_pb2.Empty(), timeout=SECONDS).version)


def test_each_launch_is_a_plugin_of_its_own(
    shared: subprocess.Popen[bytes], launch: Launch, package: tuple[str, str]
) -> None:
    ports = [said(launch()) for _ in range(3)]
    assert len(set(ports)) == 3
    assert [version(port) for port in ports] == [package[1]] * 3


@pytest.mark.parametrize("package", [("kubernetes", KUBERNETES)], indirect=True)
def test_plugins_of_one_process_keep_their_settings_apart(shared: subprocess.Popen[bytes], launch: Launch) -> None:
    one, two = said(launch()), said(launch())
    assert default_namespace(one, set_to="one") == "one"
    assert default_namespace(two, set_to="two") == "two"
    assert default_namespace(one) == "one"


def default_namespace(port: str, set_to: str = "") -> str:
    """The namespace that a Kubernetes plugin gives to objects without one, after telling it if asked to."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        if set_to:
            configuration = provider_pb2.ConfigureRequest()
            configuration.args["namespace"] = set_to
            stub.Configure(configuration, timeout=SECONDS)
        check = provider_pb2.CheckRequest(urn="urn:pulumi:dev::fleet::kubernetes:core/v1:ConfigMap::thing")
        check.news.update({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing"}})
        return str(stub.Check(check, timeout=SECONDS).inputs["metadata"]["namespace"])


def test_a_plugin_ends_with_its_launch_and_leaves_the_others(
    shared: subprocess.Popen[bytes], launch: Launch, package: tuple[str, str]
) -> None:
    first, second = launch(), launch()
    ports = [said(first), said(second)]
    # As the engine ends a plugin.
    first.send_signal(signal.SIGINT)
    first.wait(SECONDS)
    wait_until(lambda: refuses(ports[0]), "its server to end", SECONDS, "look into meshfleet/plugins/shared.py")
    assert version(ports[1]) == package[1]


def refuses(port: str) -> None:
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", int(port))) == 0:
            raise NotYetError("it takes connections")


def test_it_stays_for_an_engine_that_outlives_the_command_and_no_longer(
    shared: subprocess.Popen[bytes], launch: Launch, package: tuple[str, str]
) -> None:
    plugin = launch()
    port = said(plugin)
    assert shared.stdin is not None
    shared.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        shared.wait(0.5)
    assert version(port) == package[1]
    plugin.kill()
    assert shared.wait(SECONDS) == 0


def test_it_ends_with_a_command_whose_engine_never_came(shared: subprocess.Popen[bytes]) -> None:
    assert shared.stdin is not None
    shared.stdin.close()
    assert shared.wait(SECONDS) == 0


def test_a_launch_ends_when_the_shared_process_is_killed(shared: subprocess.Popen[bytes], launch: Launch) -> None:
    plugin = launch()
    assert said(plugin).isdigit()
    shared.kill()
    assert plugin.wait(SECONDS) == 0


def test_where_nobody_answers_the_script_becomes_a_plugin_of_its_own(tmp_path: Path, launch: Launch) -> None:
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(tmp_path / "socket"))
    assert said(launch()) == "on its own: 127.0.0.1:1, no socket"


def test_a_shared_process_that_ends_before_it_serves_leaves_the_plugin_to_the_script(
    shared: subprocess.Popen[bytes], launch: Launch
) -> None:
    shared.send_signal(signal.SIGSTOP)
    plugin = launch()
    shared.kill()
    assert said(plugin) == "on its own: 127.0.0.1:1, no socket"
