"""What the relay in an istiod's pod lets pods have of an istiod that takes all of them for its own machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from meshfleet.dataplane.network.relay import LOOPBACK, Way, serve
from meshfleet.dataplane.node.launch import _ISTIOD

pytestmark = pytest.mark.proof("istiod treats pods as pods", step=0)

POD = "127.77.0.1"


class Debugging(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"SECRET" if self.path.startswith("/debug") else b"fine")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The ports of a relay at POD: `ready` leads to nothing but /ready, `all` to everything."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Debugging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    for name in ("ready", "all"):
        with socket.socket() as free:
            free.bind((POD, 0))
            found[name] = free.getsockname()[1]
    ways = [Way.of(f"{found['ready']}={server.server_port}/ready"), Way.of(f"{found['all']}={server.server_port}")]
    pool = ThreadPoolExecutor(1)
    loop = asyncio.new_event_loop()
    task = loop.create_task(serve(pool, POD, ways))

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return

    thread = threading.Thread(target=run)
    thread.start()
    yield found
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    loop.close()
    pool.shutdown()
    server.shutdown()
    server.server_close()


def ask(port: int, request: bytes) -> bytes:
    for _ in range(200):
        try:
            connection = socket.create_connection((POD, port), 5)
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.01)
    with connection:
        connection.sendall(request)
        answer = b""
        try:
            while content := connection.recv(4096):
                answer += content
        except ConnectionResetError:
            pass
        return answer


def test_a_probe_of_readiness_is_answered(ports: dict[str, int]) -> None:
    assert ask(ports["ready"], b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"fine")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /debug/syncz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /debug/pprof/heap HTTP/1.0\r\n\r\n",
        b"GET /ready/../debug/syncz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /ready?x HTTP/1.1\r\n\r\n",
        b"GET //debug/syncz HTTP/1.1\r\n\r\n",
        b"GET http://istiod/debug/syncz HTTP/1.1\r\n\r\n",
        b"get /ready HTTP/1.1\r\n\r\n",
        b"POST /ready HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /debug/syncz\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_nothing_but_readiness_is_answered(ports: dict[str, int], request_: bytes) -> None:
    Debugging.asked.clear()
    answer = ask(ports["ready"], request_)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"SECRET" not in answer
    assert Debugging.asked == []


def test_a_second_request_does_not_slip_through_behind_the_first(ports: dict[str, int]) -> None:
    Debugging.asked.clear()
    ready = b"GET /ready HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"
    answer = ask(ports["ready"], ready + b"GET /debug/syncz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"SECRET" not in answer
    assert Debugging.asked == ["/ready"]


def test_other_ways_carry_every_byte(ports: dict[str, int]) -> None:
    assert ask(ports["all"], b"GET /debug/syncz HTTP/1.0\r\n\r\n").endswith(b"SECRET")


def test_pods_reach_the_secured_ports_of_istiod_and_its_readiness() -> None:
    assert {port: path for port, (_, path) in _ISTIOD.items()} == {8080: "/ready", 15012: "", 15017: ""}
