"""The stream of a command in a pod ends as the command did, and whatever else arrives ends in an error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from meshfleet.errors import ClusterError, MeshfleetError, RefusedError
from meshfleet.kube.exec_stream import ExecStream, Executed
from tests.pod_servers import SUCCESS, exited, failure

pytestmark = pytest.mark.proof("any answer of a server ends in a value or a sentence", step=0)


def message(channel: int, content: str | dict[str, object]) -> BytesMessage:
    text = content if isinstance(content, str) else json.dumps(content)
    return BytesMessage(data=bytes([channel]) + text.encode())


def sent(*events: Event) -> bytes:
    server = Connection(ConnectionType.SERVER)
    return b"".join(server.send(event) for event in events)


def received(data: bytes, limit: int = 2**20, piece: int = 10_000) -> Executed | None:
    stream = ExecStream(limit)
    for start in range(0, len(data), piece):
        stream.receive(data[start : start + piece])
        if stream.ended:
            break
    return stream.ended


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_output_errors_and_exit_status_are_told_apart(piece: int) -> None:
    data = sent(message(1, ""), message(1, "so "), message(2, "warn"), message(1, "far"), message(3, dict(SUCCESS)))
    assert received(data, piece=piece) == Executed(0, "so far", "warn")
    assert received(sent(message(1, "no"), message(3, exited(7))), piece=piece) == Executed(7, "no", "")


def test_a_message_in_fragments_is_one_message() -> None:
    data = sent(
        BytesMessage(data=b"\x01on", message_finished=False), BytesMessage(data=b"e"), message(3, dict(SUCCESS))
    )
    assert received(data) == Executed(0, "one", "")


def test_a_ping_is_answered() -> None:
    stream = ExecStream(100)
    assert stream.receive(sent(Ping(b"x"))) != b""
    assert stream.ended is None


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((message(1, "half"), CloseConnection(1011, "node\x1b lost")), "without its exit status (node\\x1b lost)"),
        ((TextMessage(data="hello"),), "does not speak the protocol"),
        ((message(3, "no JSON"),), "reports no exit status"),
        ((message(3, {"status": "Maybe"}),), "reports no exit status"),
        ((message(3, {"status": "Success", "pad": "x" * 70_000}),), "reports no exit status"),
        ((message(1, "x" * 2000),), "printed more than 0 MiB"),
        ((message(9, "x" * 2000),), "printed more than 0 MiB"),
    ],
)
def test_a_stream_that_is_none_ends_in_an_error(events: tuple[Event, ...], says: str) -> None:
    with pytest.raises(ClusterError) as raised:
        received(sent(*events), limit=1000 if "MiB" in says else 2**20)
    assert says in str(raised.value)


def test_a_connection_that_is_cut_ends_in_an_error() -> None:
    stream = ExecStream(100)
    stream.receive(sent(message(1, "half")))
    with pytest.raises(ClusterError, match="without its exit status"):
        stream.receive(b"")


def test_a_command_that_was_not_run_is_a_refusal_with_its_reason() -> None:
    status = failure(500, 'exec: "client": executable file not found in $PATH', "InternalError")
    with pytest.raises(RefusedError, match="executable file not found") as raised:
        received(sent(message(3, status)))
    assert (raised.value.code, raised.value.reason) == (500, "InternalError")


def test_an_exit_status_that_is_no_number_is_not_success() -> None:
    status = exited(0) | {"details": {"causes": [{"reason": "ExitCode", "message": "many"}]}}
    ended = received(sent(message(3, status)))
    assert ended is not None
    assert ended.code == -1


@given(
    st.binary(max_size=200)
    | st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=30)), max_size=5).map(
        lambda parts: sent(*(BytesMessage(data=bytes([channel]) + data) for channel, data in parts))
    )
)
def test_whatever_arrives_ends_in_a_result_or_an_error(data: bytes) -> None:
    stream = ExecStream(1000)
    try:
        stream.receive(data)
        if stream.ended is None:
            stream.receive(b"")
    except MeshfleetError:
        return
    assert isinstance(stream.ended, Executed)
