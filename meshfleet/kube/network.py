"""TCP and TLS under the HTTP client, with one deadline for all that a request does.

An HTTP library's own timeouts are for each read: a server that sends a byte every few seconds is never late. Here the
time that is left is computed before each operation, from the deadline of the request that the thread works on.
Names are resolved within it too, which the system's resolver knows no bound for.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any, Final

from httpcore2 import (
    SOCKET_OPTION,
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    ReadTimeout,
    SyncBackend,
    WriteTimeout,
)

_PIECE: Final = 16 * 1024
_DEADLINE: ContextVar[float] = ContextVar("deadline of the request", default=inf)

# A peer that is gone without a word is noticed within a minute, also in a watch in which nothing happens.
_KEEPALIVE: Final = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, option), value)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, option)
]


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """What the block does over the network ends at `deadline`, a time of `time.monotonic`, with a timeout."""
    token = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


class BoundedBackend(NetworkBackend):
    """Connections whose every operation ends at the deadline.

    `server_name` is the name that a TLS server must prove where it is another one than in the URL: only in the
    handshake with `context`, not in that with a proxy.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self._backend = SyncBackend()
        self._context = context
        self._server_name = server_name

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first address of `host` that accepts. `timeout` is for all of them."""
        deadline = min(_DEADLINE.get(), time.monotonic() + (inf if timeout is None else timeout))
        options = [*(socket_options or []), *_KEEPALIVE]
        failure: Exception = ConnectError(f"{host} has no address")
        with until(deadline):
            for address in _addresses(host, port):
                try:
                    left = _left(None, ConnectTimeout)
                    stream = self._backend.connect_tcp(address, port, left, local_address, options)
                except (ConnectError, ConnectTimeout) as error:
                    failure = error
                else:
                    return _BoundedStream(stream, self._context, self._server_name)
        raise failure


class _BoundedStream(NetworkStream):
    def __init__(self, stream: NetworkStream, context: ssl.SSLContext, server_name: str | None) -> None:
        self._stream = stream
        self._context = context
        self._server_name = server_name

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces: a server that takes a byte at a time would restart the timeout with each.
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _left(timeout, WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        name = self._server_name if self._server_name and ssl_context is self._context else server_hostname
        # OpenSSL's handshake counts the timeout as a whole.
        stream = self._stream.start_tls(ssl_context, name, _left(timeout, ConnectTimeout))
        return _BoundedStream(stream, self._context, self._server_name)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, failure: type[Exception]) -> float | None:
    deadline = _DEADLINE.get()
    if deadline == inf:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise failure("the time limit of the request has passed")
    return left if timeout is None else min(left, timeout)


def _addresses(host: str, port: int) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        pass
    found: list[str] = []
    failures: list[OSError] = []

    def resolve() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    # The resolver cannot be interrupted; a thread that is late is left behind and ends by itself.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(_left(None, ConnectTimeout))
    if thread.is_alive():
        raise ConnectTimeout(f"the name {host} was not resolved within the time limit")
    if failures:
        try:
            raise failures[0]
        except OSError as error:
            # As context, not only as cause: the pool raises what it gets `from None`.
            raise ConnectError(str(error)) from error
    return list(dict.fromkeys(found))
