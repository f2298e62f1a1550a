"""A plugin does what the engine of its own user asks of it, and nothing for another user of the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from meshfleet.plugins.peer import is_of_user
from meshfleet.plugins.protocol import Provider
from meshfleet.plugins.serve import listen
from tests.neighbour import STRANGER, as_user

pytestmark = pytest.mark.proof("other users of the machine", step=0)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(local: int, remote: int, state: str = "01", user: int = 0, inode: int = 7) -> str:
    ends = f"0100007F:{local:04X} 0100007F:{remote:04X}"
    return f"   1: {ends} {state} 00000000:00000000 00:00000000 00000000 {user:5} 0 {inode} 1 0 100 0 0 10 0\n"


def test_the_user_is_that_of_the_socket_at_the_other_end() -> None:
    table = HEAD + line(21000, 40000, user=5) + line(40000, 21000, user=1000)
    assert is_of_user(table, 40000, 21000, 1000)
    assert not is_of_user(table, 40000, 21000, 5)
    assert not is_of_user(table, 40001, 21000, 1000)


@pytest.mark.parametrize("state", ["02", "04", "05", "06", "07", "08"])
def test_a_socket_that_its_process_has_closed_is_nobodys(state: str) -> None:
    # The kernel shows user 0 for it, whoever had it.
    assert not is_of_user(HEAD + line(40000, 21000, state), 40000, 21000, 0)
    assert not is_of_user(HEAD + line(40000, 21000, inode=0), 40000, 21000, 0)


def test_damaged_lines_count_for_nothing() -> None:
    assert not is_of_user("", 1, 2, 0)
    assert not is_of_user(HEAD + "x\n\n 0: 1 2 3\n", 1, 2, 0)


@pytest.fixture
def stub() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server, port = listen(Provider(), "1.2.3")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None)


def test_the_engine_of_the_same_user_is_served(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_another_user_is_refused(stub: provider_pb2_grpc.ResourceProviderStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.plugins.peer.os.geteuid", lambda: STRANGER + 1)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetPluginInfo(empty_pb2.Empty())
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def connected(port: int) -> tuple[int, str]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.getsockname()[1], Path("/proc/net/tcp").read_text(encoding="ascii")


@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes another user")
def test_the_kernel_distinguishes_another_users_connection() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        number, table = as_user(connected, port)
        assert is_of_user(table, number, port, STRANGER)
        assert not is_of_user(table, number, port, 0)
