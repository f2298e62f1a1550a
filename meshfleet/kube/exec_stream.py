"""The stream of `exec`: WebSocket messages whose first byte says what they are, to how the command ended. No network.

Sources: https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
and https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import ProtocolError

from meshfleet.errors import ClusterError, RefusedError
from meshfleet.errors.causes import printable
from meshfleet.redaction.secret_text import without_secrets

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")

_OUT, _ERR, _END = 1, 2, 3
_STATUS_LIMIT: Final = 64 * 1024
_SHOWN: Final = 300


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct):
    status: str = ""
    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: _Details | None = None


# Decoded once in the thread that imports this (meshfleet/kube/decoders.py).
_DECODER: Final = msgspec.json.Decoder(_Status)
_DECODER.decode(b'{"status": "", "details": {"causes": [{"reason": "", "message": ""}]}}')


@dataclass(frozen=True)
class Executed:
    """How a command in a pod ended, and what it printed."""

    code: int
    out: str
    err: str


class ExecStream:
    """What is received of one command; `receive` says what to send back, and `ended` is set once it is over."""

    def __init__(self, limit: int) -> None:
        self._connection = Connection(ConnectionType.CLIENT)
        self._limit = limit
        self._size = 0
        self._channel: int | None = None
        self._parts: dict[int, list[bytes]] = {_OUT: [], _ERR: [], _END: []}
        self.ended: Executed | None = None

    def receive(self, data: bytes) -> bytes:
        """Take in bytes, none at the end of the connection, and return the bytes to send: answers to pings.

        Raises ClusterError for what is no such stream, ends early or is too large, and RefusedError when the
        command was not run.
        """
        answer = b""
        try:
            self._connection.receive_data(data or None)
            for event in self._connection.events():
                answer += self._take(event)
                if self.ended is not None:
                    break
        except ProtocolError as error:
            raise ClusterError("the API server does not speak the protocol of exec") from error
        return answer

    def _take(self, event: Event) -> bytes:
        if isinstance(event, Ping):
            return self._connection.send(event.response())
        if isinstance(event, CloseConnection):
            reason = printable(str(event.reason or "")).strip()[:_SHOWN]
            raise ClusterError(f"the command's output ended without its exit status{reason and f' ({reason})'}")
        if isinstance(event, TextMessage):
            raise ClusterError("the API server does not speak the protocol of exec")
        if isinstance(event, BytesMessage):
            self._add(bytes(event.data), finished=event.message_finished)
        return b""

    def _add(self, data: bytes, *, finished: bool) -> None:
        if self._channel is None and data:
            self._channel, data = data[0], data[1:]
        channel = self._channel
        self._size += len(data)
        if self._size > self._limit:
            raise ClusterError(f"the command printed more than {self._limit // 2**20} MiB")
        if channel in self._parts and data:
            self._parts[channel].append(data)
        if finished:
            self._channel = None
            if channel == _END:
                self.ended = Executed(self._code(), self._text(_OUT), self._text(_ERR))

    def _code(self) -> int:
        content = b"".join(self._parts[_END])
        try:
            status = _DECODER.decode(content) if len(content) <= _STATUS_LIMIT else _Status()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            status = _Status()
        if status.status == "Success":
            return 0
        if status.status != "Failure":
            raise ClusterError("the API server reports no exit status of the command")
        if status.reason == "NonZeroExitCode":
            return _exit_code((status.details and status.details.causes) or ())
        message = printable(without_secrets(status.message or "no reason")).strip()[:_SHOWN]
        raise RefusedError(message, status.code or 500, status.reason or "")

    def _text(self, channel: int) -> str:
        return b"".join(self._parts[channel]).decode("utf-8", "replace")


def _exit_code(causes: Sequence[_Cause]) -> int:
    found = next((cause.message for cause in causes if cause.reason == "ExitCode"), "")
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 6 else -1
