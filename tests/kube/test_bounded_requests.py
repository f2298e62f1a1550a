"""A request ends in its time and its answer in its size, whatever a server does, and the cause is named."""

from __future__ import annotations

import base64
import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from lightkube import ApiError
from lightkube.resources.core_v1 import ConfigMap

from meshfleet.errors import UnreachableError
from meshfleet.errors.causes import FORGETTABLE, Cause
from meshfleet.kube import hanging
from meshfleet.kube.client import connect
from meshfleet.kube.transport import get
from tests.tls_servers import api_server, kubeconfig, raw_server, self_signed

pytestmark = pytest.mark.proof("requests are bounded in time and size", step=0)

SECONDS = 0.6
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def say(*parts: bytes, every: float = 0.0, forever: bytes = b"") -> Callable[[socket.socket], None]:
    """Read a request, then send these parts; a pause after each byte-wise part, and `forever` until hung up on."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
        pause = threading.Event()
        while forever:
            connection.sendall(forever)
            pause.wait(every)

    return talk


def hold(connection: socket.socket) -> None:
    """Say nothing until the other side hangs up."""
    while connection.recv(65536):
        pass


def hang_up(connection: socket.socket) -> None:
    connection.recv(65536)


def half_a_handshake(connection: socket.socket) -> None:
    # A TLS record of 16 KiB is announced; its bytes come one at a time.
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    pause = threading.Event()
    while True:
        connection.sendall(b"\0")
        pause.wait(0.1)


def answer(status: str = "200 OK", body: bytes = b"", kind: str = "application/json", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = HEAD + b"Content-Length: 9999\r\n\r\n"
BLOCK = b" " * 65536
DEEP = b'{"a": ' + b"[" * 200_000
TALKS: dict[Cause, dict[str, Callable[[socket.socket], None]]] = {
    Cause.SILENT: {
        "a body a byte at a time": say(LONG, every=0.05, forever=b" "),
        "headers a byte at a time": say(HEAD + b"X: ", every=0.05, forever=b"x"),
        "a status line a byte at a time": say(every=0.05, forever=b"H"),
        "provisional answers for ever": say(every=0.01, forever=b"HTTP/1.1 100 Continue\r\n\r\n"),
        "no response": hold,
    },
    Cause.TOO_LARGE: {
        "chunks for ever": say(CHUNKED, forever=b"10000\r\n" + BLOCK + b"\r\n"),
        "a body for ever": say(HEAD + b"\r\n", forever=BLOCK),
        "six gigabytes": say(HEAD + b"Content-Length: 6442450944\r\n\r\n", forever=BLOCK),
    },
    Cause.RESET: {"a hang-up": hang_up, "an answer cut short": say(LONG)},
    Cause.PROXY: {"a proxy that wants a login": say(answer("407 Login"))},
    Cause.NOT_AN_API_SERVER: {
        "headers for ever": say(HEAD, forever=b"X-Y: " + b"y" * 4096 + b"\r\n"),
        "garbage": say(b"\x00\x01\x02\xff garbage\r\n\r\n"),
        "no JSON": say(answer(body=b"<html>hi!")),
        "an empty body": say(answer()),
        "no headers at all": say(b"HTTP/1.1 200 OK\r\n\r\n[1]"),
        "a list of texts": say(answer(body=b'{"items": [""]}')),
        "a list in parts without end": say(answer(body=b'{"metadata": {"continue": "x"}, "items": []}')),
        "nesting without end": say(answer(body=DEEP)),
        "a redirect": say(answer("302 Found", b"", "text/html", "Location: https://evil.example/\x1b[31m")),
        "a wrong content length": say(HEAD + b"Content-Length: -5\r\n\r\n{}"),
        "two content lengths": say(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
        "a compressed answer": say(answer("200 OK", b"xx", "application/json", "Content-Encoding: gzip")),
        "a switch of protocols": say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        "a web page for an error": say(answer("502 Bad", b"x", "text/html")),
    },
}
CASES = [pytest.param(talk, cause, id=name) for cause, talks in TALKS.items() for name, talk in talks.items()]


def list_of_config_maps(server: str, **bounds: Any) -> None:
    with connect(kubeconfig(server), **({"seconds": SECONDS} | bounds)) as client:
        assert list(client.list(ConfigMap, namespace="default")) == []


def failure(act: Callable[[], object], seconds: float = 12.0) -> UnreachableError:
    """The error of an act that ends within `seconds`, also on a busy machine; without a bound it never would."""
    start = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        act()
    assert time.monotonic() - start < seconds
    assert str(caught.value).isprintable()
    return caught.value


def first_of_watch(server: str, **options: Any) -> object:
    with connect(kubeconfig(server), seconds=0.4) as client:
        return next(iter(client.watch(ConfigMap, namespace="default", **options)))


@pytest.mark.parametrize("talk, cause", CASES)
def test_a_server_that_does_wrong_ends_a_request_in_its_time_with_its_cause(
    talk: Callable[[socket.socket], None], cause: Cause
) -> None:
    with raw_server(talk) as address:
        error = failure(lambda: list_of_config_maps(f"http://{address}", limit=1024 * 1024))
    assert error.cause is cause
    assert f"http://{address}/" in str(error)


@pytest.mark.parametrize("talk", [half_a_handshake, hold])
def test_a_handshake_ends_in_its_time(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as address:
        assert failure(lambda: list_of_config_maps(f"https://{address}")).cause in (Cause.SILENT, Cause.TIMEOUT)


def test_a_server_without_tls_is_named() -> None:
    with raw_server(say(b"HTTP/1.1 400 No\r\n\r\n")) as address:
        assert failure(lambda: list_of_config_maps(f"https://{address}")).cause is Cause.NOT_AN_API_SERVER


@pytest.mark.parametrize(
    "names, days, trusted, cause",
    [
        (("127.0.0.1",), (-1, 1), False, Cause.CERTIFICATE_AUTHORITY),
        (("other.example",), (-1, 1), True, Cause.CERTIFICATE_NAME),
        (("127.0.0.1",), (-3, -1), True, Cause.CERTIFICATE_EXPIRED),
        (("127.0.0.1",), (1, 3), True, Cause.CERTIFICATE_NOT_YET_VALID),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(
    tmp_path: Path, names: tuple[str, ...], days: tuple[int, int], trusted: bool, cause: Cause
) -> None:
    served, other = self_signed(*names, days=days), self_signed("other")
    authority = base64.b64encode((served if trusted else other)[0]).decode()
    with api_server(tmp_path, served) as server:
        client = connect(kubeconfig(server.url, {"certificate-authority-data": authority}))
        error = failure(lambda: client.get(ConfigMap, "x", namespace="default"))
    assert error.cause is cause
    assert cause not in FORGETTABLE
    assert "forget" not in str(error)


def test_a_client_certificate_that_is_not_accepted_is_named(tmp_path: Path) -> None:
    served, mine = self_signed("127.0.0.1"), self_signed("me")
    cluster: dict[str, object] = {"certificate-authority-data": base64.b64encode(served[0]).decode()}
    pair = zip(("client-certificate-data", "client-key-data"), mine, strict=True)
    user: dict[str, object] = {name: base64.b64encode(pem).decode() for name, pem in pair}
    with api_server(tmp_path, served, clients=self_signed("another")[0]) as server:
        client = connect(kubeconfig(server.url, cluster, user))
        error = failure(lambda: client.get(ConfigMap, "x", namespace="default"))
    assert error.cause in (Cause.CLIENT_CERTIFICATE, Cause.RESET)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_names_ports_and_routes_that_are_not_there_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert failure(lambda: list_of_config_maps(f"https://127.0.0.1:{port}")).cause is Cause.REFUSED
    with monkeypatch.context() as patched:
        patched.setattr(socket, "create_connection", Mock(side_effect=OSError(errno.EHOSTUNREACH, "No route to host")))
        assert failure(lambda: list_of_config_maps("https://240.0.0.1")).cause is Cause.NO_ROUTE
    missing = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=missing))
    assert failure(lambda: list_of_config_maps("https://no-such-name.invalid")).cause is Cause.NAME_UNKNOWN


def test_a_name_that_is_not_resolved_in_time_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    error = failure(lambda: list_of_config_maps("https://slow.example"))
    over.set()
    assert error.cause is Cause.TIMEOUT


@pytest.mark.parametrize(
    "response, message",
    [
        (answer("404 No", b"404 page not found", "text/plain"), "404 page not found"),
        (answer("500 No"), "HTTP 500"),
        (answer("403 No", b'{"kind": "Status", "message": "\\u001b[2Jno"}'), "\\x1b[2Jno"),
        (answer("401 No", b"<h1>", "text/html"), "HTTP 401"),
        (answer("500 No", b'{"message": [1]}'), "message"),
    ],
)
def test_a_refusal_is_read_whatever_its_form_and_cannot_act_on_the_terminal(response: bytes, message: str) -> None:
    with raw_server(say(response)) as address, pytest.raises(ApiError) as caught:
        list_of_config_maps(f"http://{address}")
    assert message in str(caught.value.status.message)
    assert str(caught.value.status.message).isprintable()


def test_a_watch_lasts_longer_than_a_request() -> None:
    event = b'{"type": "ADDED", "object": {"metadata": {"name": "a"}}}\n'
    chunk = b"%x\r\n%s\r\n" % (len(event), event)
    with raw_server(say(CHUNKED, every=0.25, forever=chunk)) as address:
        watch = iter(connect(kubeconfig(f"http://{address}"), seconds=0.4).watch(ConfigMap, namespace="default"))
        assert [next(watch)[0] for _ in range(4)] == ["ADDED"] * 4


def test_a_line_of_a_watch_ends_in_its_time() -> None:
    with raw_server(say(CHUNKED, every=0.1, forever=b"1\r\n{\r\n")) as address:
        assert failure(lambda: first_of_watch(f"http://{address}")).cause is Cause.SILENT


def test_a_watch_that_ends_at_once_with_nothing_is_not_begun_again_and_again() -> None:
    asked = []

    def ends(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with raw_server(ends) as address:
        assert failure(lambda: first_of_watch(f"http://{address}")).cause is Cause.RESET
    assert len(asked) == 1


def test_a_watch_with_an_end_ends_though_the_server_does_not() -> None:
    quiet = say(CHUNKED)

    def talk(connection: socket.socket) -> None:
        quiet(connection)
        hold(connection)

    with raw_server(talk) as address:
        assert failure(lambda: first_of_watch(f"http://{address}", server_timeout=1)).cause is Cause.SILENT


def test_a_process_of_this_machine_that_hangs_is_named_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(hold) as address:
        error = failure(lambda: list_of_config_maps(f"http://{address}"))
    assert f"process {os.getpid()} " in str(error)
    monkeypatch.setattr(hanging, "listener", lambda _: (4711, "pilot-discovery"))
    said = "process 4711 (pilot-discovery) hangs: terminate it with `kill -9 4711`, then `meshfleet up` starts it again"
    assert hanging.hang_advice("http://127.0.0.1:15014") == said


def test_a_page_of_a_process_is_bounded_too() -> None:
    with raw_server(say(HEAD + b"\r\n", every=0.05, forever=b" ")) as address:
        assert failure(lambda: get(f"http://{address}/debug/syncz", seconds=SECONDS)).cause is Cause.SILENT
    context = ssl.create_default_context()
    with raw_server(hold) as address:
        error = failure(lambda: get(f"https://{address}/ready", seconds=SECONDS, context=context))
    assert error.cause in (Cause.SILENT, Cause.TIMEOUT)
