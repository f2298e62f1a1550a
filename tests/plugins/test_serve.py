"""A plugin process as the engine sees it: a port, plain errors, and an end when the engine ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

pytestmark = pytest.mark.proof("plugins start quickly, speak plainly and never outlive the engine", step=0)

CHECKOUT = Path(__file__).parents[2]
URN = "urn:pulumi:dev::fleet::meshfleet:index:Parent$meshfleet:index:Thing::west"

PLUGIN = """
import sys
from meshfleet.plugins.protocol import CreateRequest, CreateResponse, InitializationError, PropertyValue, Provider
from meshfleet.plugins.serve import serve
from meshfleet.errors import ClusterError, UnsupportedError

class Thing(Provider):
    async def create(self, request: CreateRequest) -> CreateResponse:
        what = request.properties["what"].value
        if what == "plain":
            raise ClusterError("the API server of west does not respond: start it")
        if what == "half":
            raise InitializationError("not ready", "id-1", {"a": PropertyValue("b")}, request.properties)
        if what == "unforeseen":
            raise ZeroDivisionError("by zero")
        if what == "unsupported":
            raise UnsupportedError("no such thing")
        return CreateResponse(f"{request.type} {request.name}", request.properties)

serve(Thing(), "1.2.3")
"""


def start(*command: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """A client of a plugin whose answers depend on the input `what`."""
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN)
    with start(sys.executable, str(script), "127.0.0.1:1") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def create(what: str) -> provider_pb2.CreateRequest:
    request = provider_pb2.CreateRequest(urn=URN)
    request.properties["what"] = what
    return request


def failure(stub: provider_pb2_grpc.ResourceProviderStub, what: str) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(create(what))
    error = caught.value
    assert isinstance(error, grpc.Call)
    return error


def test_requests_arrive_with_the_type_and_name_of_the_resource(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    assert stub.Create(create("ok")).id == "meshfleet:index:Thing west"
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_an_error_of_ours_is_shown_as_it_is_and_any_other_with_its_type(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    assert failure(stub, "plain").details() == "the API server of west does not respond: start it"
    assert failure(stub, "unforeseen").details() == "ZeroDivisionError: by zero"
    unsupported = failure(stub, "unsupported")
    assert (unsupported.code(), unsupported.details()) == (grpc.StatusCode.UNIMPLEMENTED, "no such thing")


def test_what_exists_but_is_not_ready_reaches_the_engine_with_its_state(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    error = failure(stub, "half")
    trailing = dict(error.trailing_metadata() or ())
    status = trailing["grpc-status-details-bin"]
    assert isinstance(status, bytes)
    assert b"pulumirpc.ErrorResourceInitFailed" in status
    assert b"id-1" in status


@pytest.mark.parametrize("wrapped", [False, True], ids=["direct", "through a shell"])
def test_a_plugin_ends_when_its_engine_is_killed(wrapped: bool, tmp_path: Path) -> None:
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN)
    plugin = [sys.executable, str(script)]
    command = ["sh", "-c", f"{sys.executable} {script} & wait"] if wrapped else plugin
    engine = textwrap.dedent(
        """
        import signal, subprocess, sys
        child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        signal.pause()
        """
    )
    with start(sys.executable, "-c", engine, *command) as process:
        assert process.stdout is not None
        first = psutil.Process(int(process.stdout.readline()))
        plugins = [first, *first.children(recursive=True)]
        assert any(str(script) in part for member in plugins for part in member.cmdline())
        process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(plugins, timeout=10)
        assert alive == []


def test_a_plugin_starts_without_the_rest_of_pulumi() -> None:
    """The SDK takes three times as long to import as everything a plugin needs."""
    code = "import sys, meshfleet.plugins.serve as s; print(sorted({'pulumi', 'pydantic'} & set(sys.modules)))"
    with start(sys.executable, "-c", code) as process:
        output, errors = process.communicate(timeout=60)
    assert (output.strip(), errors) == ("[]", "")


def test_the_stand_in_starts_without_a_kubernetes_client() -> None:
    code = (
        "import sys, meshfleet.plugins.kubernetes.provider as p; p.KubernetesProvider();"
        "heavy = {'pulumi', 'pydantic', 'lightkube', 'httpx2', 'yaml'};"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in heavy))"
    )
    with start(sys.executable, "-c", code) as process:
        output, errors = process.communicate(timeout=60)
    assert (output.strip(), errors) == ("[]", "")
