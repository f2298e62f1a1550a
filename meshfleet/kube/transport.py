"""HTTP in bounds: a request ends in its time, an answer in its size, and an error is one of this project's.

One limit for the whole request (connection, TLS, headers, body), however the server spreads its bytes. Redirects are
never followed, compressed answers never asked for: they would get around the limits, and hand credentials to another
server. Only a watch may last; then each of its lines is bounded.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Final

import httpcore2
import httpx2

from meshfleet.errors import UnreachableError
from meshfleet.errors.causes import FORGETTABLE, Cause
from meshfleet.files.json_text import parse_json
from meshfleet.kube.failures import cause_of
from meshfleet.kube.hanging import hang_advice
from meshfleet.kube.network import BoundedBackend, until
from meshfleet.redaction.shown import one_line

SECONDS: Final = 30.0
"""What a request may take unless the caller says otherwise: an API server gives a webhook so much."""

LIMIT: Final = 64 * 1024 * 1024
"""Bytes an answer may have: some times the largest list of a large cluster."""

CONNECT_SECONDS: Final = 5.0

# No API server ends a watch sooner: its least timeout is a second. Who watches again would do nothing else.
_LEAST_WATCH_SECONDS: Final = 0.5

_SHOWN: Final = 200
_PIECE: Final = 64 * 1024
# What cannot be told of the server when the connection ends at the proxy.
_OF_THE_PROXY: Final = FORGETTABLE | {Cause.RESET}
_CONNECTIONS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=16)  # each wait holds one


class BoundedTransport(httpx2.BaseTransport):
    """Sends requests and reads whole answers. Raises UnreachableError about the server, and nothing of httpx2's."""

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        *,
        seconds: float = SECONDS,
        limit: int = LIMIT,
        server_name: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self._seconds = seconds
        self._proxied = proxy is not None
        self._limit = limit
        # Without authorities: a server with TLS needs a context of the caller's.
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        inner = httpx2.HTTPTransport(verify=context, trust_env=False, limits=_CONNECTIONS, proxy=proxy)
        # The transport has no parameter for what its connections are made with, as its pool has.
        inner._pool._network_backend = BoundedBackend(context, server_name)
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, and read the answer to its end if it is no watch."""
        watched = request.url.params.get("watch") == "true"
        self._limit_time(request, read=not watched)
        with self._failures(request), until(time.monotonic() + self._seconds):
            response = self._inner.handle_request(request)
            _require_plain(request, response)
            if not (watched and response.is_success):
                return httpx2.Response(
                    response.status_code, headers=_headers(response), content=self._read(request, response)
                )
        stream = _Watch(self, request, response.stream, self._end_of_watch(request))
        return httpx2.Response(response.status_code, headers=_headers(response), stream=stream)

    def upgrade(self, request: httpx2.Request) -> Upgraded | httpx2.Response:
        """Send a request to switch protocols: the stream of the new one, or the whole answer of a server that does not.

        The stream ends when the time of the request does. Raises UnreachableError.
        """
        self._limit_time(request, read=True)
        deadline = time.monotonic() + self._seconds
        with self._failures(request), until(deadline):
            response = self._inner.handle_request(request)
            if response.status_code == 101:
                return Upgraded(self, request, response, deadline)
            _require_plain(request, response)
            return httpx2.Response(
                response.status_code, headers=_headers(response), content=self._read(request, response)
            )

    def close(self) -> None:
        """Close its connections."""
        self._inner.close()

    def _limit_time(self, request: httpx2.Request, *, read: bool) -> None:
        request.headers["Accept-Encoding"] = "identity"
        seconds, allowed = self._seconds, request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            "connect": min(allowed.get("connect") or inf, seconds, CONNECT_SECONDS),
            "read": min(allowed.get("read") or inf, seconds) if read else None,
            "write": min(allowed.get("write") or inf, seconds),
            "pool": min(allowed.get("pool") or inf, seconds),
        }

    def _end_of_watch(self, request: httpx2.Request) -> float:
        asked = request.url.params.get("timeoutSeconds", "")
        return time.monotonic() + int(asked) + self._seconds if asked.isdecimal() else inf

    def _read(self, request: httpx2.Request, response: httpx2.Response) -> bytes:
        declared = response.headers.get("Content-Length", "")
        parts: list[bytes] = []
        size = int(declared[:20]) if declared.isdecimal() else 0
        try:
            if size <= self._limit:
                size = 0
                assert isinstance(response.stream, httpx2.SyncByteStream)
                for part in response.stream:
                    parts.append(part)
                    size += len(part)
                    if size > self._limit:
                        break
        finally:
            response.close()
        if size > self._limit:
            raise UnreachableError(server_of(request), Cause.TOO_LARGE, f"{self._limit // 2**20} MiB")
        return b"".join(parts)

    @contextmanager
    def _failures(self, request: httpx2.Request) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, OSError, ValueError) as error:
            # The last two escape the library: a name that no encoding allows, a TLS library that stumbles.
            cause, detail = cause_of(error)
            if self._proxied and cause in _OF_THE_PROXY:
                cause, detail = Cause.PROXY, str(cause)
            server = server_of(request)
            hint = hang_advice(server) if cause is Cause.SILENT else ""
            raise UnreachableError(server, cause, one_line(detail)[:_SHOWN], advice=hint) from error


class _Watch(httpx2.SyncByteStream):
    """The lines of a watch: none longer than the limit, none longer on its way than a request may take."""

    def __init__(self, transport: BoundedTransport, request: httpx2.Request, stream: object, end: float) -> None:
        assert isinstance(stream, httpx2.SyncByteStream)
        self._transport = transport
        self._request = request
        self._stream = stream
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        transport = self._transport
        parts = iter(self._stream)
        open_bytes, line_end = 0, inf
        begun, empty = time.monotonic(), True
        while True:
            with transport._failures(self._request), until(min(self._end, line_end)):
                part = next(parts, None)
            if part is None:
                if empty and time.monotonic() - begun < _LEAST_WATCH_SECONDS:
                    raise UnreachableError(server_of(self._request), Cause.RESET, "a watch that ended at once")
                return
            empty = False
            if b"\n" in part:
                open_bytes, line_end = len(part) - part.rindex(b"\n") - 1, inf
            else:
                open_bytes += len(part)
            if not open_bytes:
                line_end = inf
            elif line_end == inf:
                line_end = time.monotonic() + transport._seconds
            if open_bytes > transport._limit:
                raise UnreachableError(server_of(self._request), Cause.TOO_LARGE, "a line of a watch")
            yield part

    def close(self) -> None:
        self._stream.close()


class Upgraded:
    """The stream of a connection that switched protocols; every read and write ends at the deadline of its request."""

    def __init__(
        self, transport: BoundedTransport, request: httpx2.Request, response: httpx2.Response, deadline: float
    ) -> None:
        self._transport = transport
        self._request = request
        self._response = response
        self._stream = response.extensions["network_stream"]
        self._deadline = deadline

    @property
    def headers(self) -> httpx2.Headers:
        """The headers of the answer that switched protocols."""
        return self._response.headers

    @property
    def server(self) -> str:
        """The server as a message names it."""
        return server_of(self._request)

    def read(self) -> bytes:
        """The next bytes, empty at the end. Raises UnreachableError, also when the time of the request has passed."""
        with self._transport._failures(self._request), _as_http(), until(self._deadline):
            data: bytes = self._stream.read(_PIECE)
            return data

    def write(self, data: bytes) -> None:
        """Send bytes. Raises UnreachableError."""
        with self._transport._failures(self._request), _as_http(), until(self._deadline):
            self._stream.write(data)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


@contextmanager
def _as_http() -> Iterator[None]:
    """Turn the errors of a bare stream into those that the HTTP client makes of them."""
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise httpx2.ReadError(str(error)) from error


@dataclass(frozen=True)
class Page:
    """An answer of a server that is no API server: its status, and its body as text."""

    status: int
    text: str

    @property
    def shown(self) -> str:
        """The beginning of the text, as it may appear in a message."""
        return one_line(" ".join(self.text[: 4 * _SHOWN].split()))[:_SHOWN]


def get(
    url: str,
    *,
    seconds: float,
    limit: int = LIMIT,
    context: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
) -> Page:
    """GET a page of a process of this fleet, without any proxy. Raises UnreachableError, also for a redirect."""
    transport = BoundedTransport(context, seconds=seconds, limit=limit)
    try:
        request = httpx2.Request("GET", url, headers=headers)
    except (httpx2.InvalidURL, ValueError) as error:
        raise UnreachableError(one_line(url)[:_SHOWN], Cause.NOT_AN_API_SERVER, "no URL") from error
    try:
        response = transport.handle_request(request)
    finally:
        transport.close()
    return Page(response.status_code, response.content.decode("utf-8", "replace"))


def server_of(request: httpx2.Request) -> str:
    """The server of a request as a message names it."""
    return str(request.url.copy_with(path="/", query=None, fragment=None, userinfo=b""))


def _require_plain(request: httpx2.Request, response: httpx2.Response) -> None:
    """Raises UnreachableError for a redirect and for a compressed answer."""
    wrong = ""
    if 300 <= response.status_code < 400 and response.status_code != 304:
        where = one_line(response.headers.get("Location", ""))[:_SHOWN]
        wrong = f"HTTP {response.status_code}, a redirect to {where or 'nowhere'}"
    elif response.headers.get("Content-Encoding", "identity").lower() != "identity":
        wrong = "a compressed response that was not requested"
    elif response.status_code == 407:
        response.close()
        raise UnreachableError(server_of(request), Cause.PROXY, "HTTP 407")
    elif response.status_code < 200:
        wrong = f"HTTP {response.status_code}"
    if wrong:
        response.close()
        raise UnreachableError(server_of(request), Cause.NOT_AN_API_SERVER, wrong)


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {"Content-Type": "".join(c for c in response.headers.get("Content-Type", "") if c.isprintable())}


def json_value(page: Page) -> object:
    """The JSON of a page. Raises ValueError when it is none."""
    return parse_json(page.text)
