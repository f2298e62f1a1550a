"""Requests to publishers: every phase bounded, redirects followed with care, proxies and authorities as configured.

Publishers redirect to content networks, so another host is fine; from https to http is not, and no credential goes to
another host. A response that is no success is one of two: it may come right in a moment, or it will not.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import Final, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2

from meshfleet.errors import UnpublishedError
from meshfleet.kube.client import environment_proxy
from meshfleet.kube.failures import cause_of
from meshfleet.kube.network import BoundedBackend, until
from meshfleet.redaction.shown import one_line
from meshfleet.toolchain.published.mirrors import Addresses, is_loopback

PAGE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a small document: a list of digests, a release, a manifest."""

_REDIRECTS: Final = 5
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 30.0
_SHOWN: Final = 200
_T = TypeVar("_T")


class AgainError(UnpublishedError):
    """What failed may work when it is tried again, after `pause` seconds if the server says so."""

    def __init__(self, text: str, pause: float | None = None) -> None:
        super().__init__(text)
        self.pause = pause


@dataclass(frozen=True)
class Limits:
    """Seconds for response headers, and in which `least` bytes of a body must come; tries, and seconds between them."""

    connect: float = 15.0
    stall: float = 30.0
    least: int = 32 * 1024
    tries: int = 4
    pause: float = 0.5


@dataclass(frozen=True)
class Page:
    """A small document: its status, its headers with small letters, its bytes, and the URL that gave it."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def text(self) -> str:
        """As text; what is no UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")


class Requests:
    """Sends requests to publishers and the hosts that they redirect to; used by several threads at once."""

    def __init__(self, addresses: Addresses, limits: Limits | None = None) -> None:
        self.addresses = addresses
        self.limits = limits or Limits()
        self.stopped = Event()
        self._sockets: set[socket.socket] = set()
        self._context = addresses.context()
        self._transports: dict[str | None, httpx2.HTTPTransport] = {}
        self._lock = Lock()

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Iterator[Response]:
        """The response to a request, after redirects, whatever its status. Raises AgainError, UnpublishedError."""
        sent, seen = dict(headers or {}), url
        for _ in range(_REDIRECTS + 1):
            response = self._send(method, seen, sent)
            held = _socket_of(response)
            try:
                self._hold(held)
                target = _redirect(seen, response)
                if target is None:
                    yield Response(seen, response, self)
                    return
            finally:
                with self._lock:
                    self._sockets.discard(held)
                response.close()
            if urlsplit(target).netloc != urlsplit(seen).netloc:
                sent = {name: value for name, value in sent.items() if name.lower() != "authorization"}
            seen = target
        raise UnpublishedError(f"{shown_url(url)}: more than {_REDIRECTS} redirects")

    def status(self, url: str) -> int:
        """The status of the first response to HEAD. Raises AgainError, UnpublishedError."""
        response = self._send("HEAD", url, {})
        response.close()
        return response.status_code

    def page(self, url: str, headers: Mapping[str, str] | None = None) -> Page:
        """A whole small document. Raises AgainError, UnpublishedError; 401 is for the caller."""
        with self.open(url, headers) as response:
            if response.status != 401:
                response.require_success()
            return Page(response.status, response.headers, response.whole(PAGE_LIMIT), response.url)

    def tried(self, attempt: Callable[[], _T]) -> _T:
        """What an attempt returns, made again while it raises AgainError, a few times. Raises UnpublishedError."""
        for made in range(1, self.limits.tries + 1):
            try:
                return attempt()
            except AgainError as error:
                pause = self.limits.pause * 2**made if error.pause is None else error.pause
                if made == self.limits.tries or pause > _LONGEST_PAUSE:
                    raise UnpublishedError(f"{error}, {made} times" if made > 1 else str(error)) from None
                if self.stopped.wait(pause):
                    raise UnpublishedError("stopped") from None
        raise UnpublishedError("not tried")

    def stop(self) -> None:
        """End every request that is under way, from any thread; none is tried again."""
        self.stopped.set()
        with self._lock:
            for held in self._sockets:
                # Wakes the thread that reads; it closes the connection itself.
                with suppress(OSError):
                    socket.socket.shutdown(held, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> httpx2.Response:
        with failures(url):
            request = httpx2.Request(method, url, headers={"Accept-Encoding": "identity", **headers})
            request.extensions["timeout"] = httpx2.Timeout(self.limits.connect).as_dict()
            with until(time.monotonic() + self.limits.connect):
                return self._transport(environment_proxy(url)).handle_request(request)

    def _hold(self, held: socket.socket) -> None:
        with self._lock:
            self._sockets.add(held)
        if self.stopped.is_set():
            raise UnpublishedError("stopped")

    def _transport(self, proxy: str | None) -> httpx2.HTTPTransport:
        with self._lock:
            if proxy not in self._transports:
                made = httpx2.HTTPTransport(verify=self._context, trust_env=False, proxy=proxy)
                # The transport has no parameter for what its connections are made with, as its pool has.
                made._pool._network_backend = BoundedBackend(self._context)
                self._transports[proxy] = made
            return self._transports[proxy]


class Response:
    """A response whose body is read in bounds."""

    def __init__(self, url: str, response: httpx2.Response, requests: Requests) -> None:
        self.url = url
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._requests = requests

    @property
    def length(self) -> int | None:
        """The bytes of the body as declared."""
        declared = self.headers.get("content-length", "")
        return int(declared[:20]) if declared.isdecimal() else None

    def require_success(self) -> None:
        """Raises AgainError or UnpublishedError unless the body is what was requested."""
        where = shown_url(self.url)
        if self.status in _AGAIN:
            raise AgainError(f"{where}: HTTP {self.status}", pause_of(self.headers.get("retry-after", "")))
        if self.status not in (200, 206):
            raise UnpublishedError(f"{where}: HTTP {self.status}")
        if self.headers.get("content-type", "").lower().startswith("text/html"):
            raise UnpublishedError(f"{where}: responds with a web page; a login or a proxy may be in between")
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnpublishedError(f"{where}: responds with compression that was not requested")

    def parts(self) -> Iterator[bytes]:
        """The body. Raises AgainError when it does not go on or is cut, UnpublishedError when all is stopped."""
        limits, stream = self._requests.limits, self._response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        parts, since, count = iter(stream), time.monotonic(), 0
        while True:
            with failures(self.url), until(time.monotonic() + limits.stall):
                part = next(parts, None)
            if part is None:
                return
            if self._requests.stopped.is_set():
                raise UnpublishedError("stopped")
            count += len(part)
            yield part
            # A byte now and then is no progress either.
            if (now := time.monotonic()) - since > limits.stall:
                if count < limits.least:
                    raise AgainError(f"{shown_url(self.url)}: {count} bytes in {now - since:.0f} s")
                since, count = now, 0

    def whole(self, limit: int) -> bytes:
        """The whole body of a small document."""
        if (self.length or 0) <= limit:
            found = bytearray()
            for part in self.parts():
                found += part
                if len(found) > limit:
                    break
            else:
                return bytes(found)
        raise UnpublishedError(f"{shown_url(self.url)}: more than {limit // 2**20} MiB, which no such document has")


@contextmanager
def failures(url: str) -> Iterator[None]:
    """Errors of the network in the block as AgainError, those of a wrong server as UnpublishedError."""
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise UnpublishedError(f"{shown_url(url)}: no URL") from error
    except (httpx2.HTTPError, OSError, ValueError) as error:
        cause, detail = cause_of(error)
        text = f"{shown_url(url)}: {cause}" + (f" ({one_line(detail)[:_SHOWN]})" if detail else "")
        raise AgainError(text) from error


def shown_url(url: str) -> str:
    """A URL as messages have it: without the query, in which content networks have signatures."""
    return one_line(url.partition("?")[0])[:_SHOWN]


def pause_of(header: str, now: datetime | None = None) -> float | None:
    """The seconds of a Retry-After (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after); None without one."""
    if header.isdecimal():
        return float(header[:9])
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _socket_of(response: httpx2.Response) -> socket.socket:
    """The connection that a response comes over, also through TLS."""
    found: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    return found


def _redirect(url: str, response: httpx2.Response) -> str | None:
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    where = response.headers.get("Location", "")
    try:
        target = urljoin(url, where) if where else ""
        before, after = urlsplit(url), urlsplit(target)
        host = after.hostname or ""
    except ValueError:
        target, host = "", ""
    if not target or not host or after.scheme not in ("https", "http"):
        raise UnpublishedError(f"{shown_url(url)}: redirects to {shown_url(where) or 'nowhere'}")
    plain = after.scheme == "http"
    if plain and (before.scheme == "https" or not is_loopback(host)):
        raise UnpublishedError(f"{shown_url(url)}: redirects to {shown_url(target)}, which is not https")
    return target
