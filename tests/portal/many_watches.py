"""Watches by the thousand: an API server that holds them, and a client, both of plain frames of HTTP/2 (RFC 9113)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hpack import Decoder, Encoder

from meshfleet.portal.spec import Address
from tests.portal.portal_under_test import served_certificate
from tests.tls_servers import self_signed

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING = 0, 1, 3, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1
STREAMS_A_CONNECTION = 100
_SECONDS = 60.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


async def frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[tuple[int, int, bytes]]:
    """Kind, stream and payload of the frames of streams; those of the connection are answered here."""
    while True:
        try:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
        if kind in (SETTINGS, PING) and not flags & ACK:
            writer.write(frame(kind, ACK, 0, payload if kind == PING else b""))
        if kind in (DATA, HEADERS, RST_STREAM):
            yield kind, stream, payload


@contextmanager
def holding_server() -> Iterator[Address]:
    """An API server that answers each request with 200, and holds those that watch."""
    certificate, key = self_signed("127.0.0.1")
    with served_certificate(certificate, key) as context:
        context.set_alpn_protocols(["h2"])
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readexactly(len(PREFACE))
        # As many at once as an API server takes (SETTINGS_MAX_CONCURRENT_STREAMS).
        writer.write(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, STREAMS_A_CONNECTION)))
        decoder = Decoder()
        async for kind, stream, payload in frames(reader, writer):
            if kind == HEADERS:
                path = {str(name): str(value) for name, value in decoder.decode(payload)}[":path"]
                # The first of the static table of HPACK that is a status: 200.
                writer.write(frame(HEADERS, END_HEADERS | (0 if "watch" in path else END_STREAM), stream, b"\x88"))

    async def until_stopped() -> None:
        async with await asyncio.start_server(serve, sock=listening, ssl=context, backlog=512):
            await stopped.wait()
            for writer in writers:
                writer.transport.abort()
            # Their tasks see the end.
            await asyncio.sleep(0)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(until_stopped())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield Address("127.0.0.1", listening.getsockname()[1], certificate.decode())
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)


@dataclass
class Watches:
    """What became of requests: codes, and a body of each code other than 200."""

    codes: Counter[int] = field(default_factory=Counter)
    bodies: dict[int, bytes] = field(default_factory=dict)
    headers: dict[int, dict[str, str]] = field(default_factory=dict)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


class Crowd:
    """Clients of a portal, each with connections of its own."""

    def __init__(self, port: int, authority: str) -> None:
        self._port = port
        self._context = ssl.create_default_context(cadata=authority)
        self._context.set_alpn_protocols(["h2"])

    async def watch(self, token: str, count: int, path: str = "/clusters/east/api/v1/pods?watch=true") -> Watches:
        """So many at once; all have an answer when this returns, and those that are held stay open."""
        found = Watches()
        sizes = [min(STREAMS_A_CONNECTION, count - start) for start in range(0, count, STREAMS_A_CONNECTION)]
        async with asyncio.timeout(_SECONDS):
            for start in range(0, len(sizes), 25):
                await asyncio.gather(*(self._connection(token, path, n, found) for n in sizes[start : start + 25]))
        return found

    async def _connection(self, token: str, path: str, count: int, found: Watches) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._context, server_hostname="localhost"
        )
        found.writers.append(writer)
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", "portal"), (":path", path)]
        encoder = Encoder()
        # Without a table that grows, one block does for all streams.
        encoder.header_table_size = 0
        block = encoder.encode([*fields, ("authorization", f"Bearer {token}")], huffman=False)
        table, block = block[:1], block[1:]
        writer.write(PREFACE + frame(SETTINGS, 0, 0))
        for number in range(count):
            head = table + block if number == 0 else block
            writer.write(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, head))
        decoder, codes = Decoder(), dict[int, int]()
        unfinished = set[int]()
        async for kind, stream, payload in frames(reader, writer):
            if kind == HEADERS:
                headers = {str(name): str(value) for name, value in decoder.decode(payload)}
                codes[stream] = code = int(headers[":status"])
                found.codes[code] += 1
                if code != 200:
                    found.headers[code] = headers
                    unfinished.add(stream)
            elif kind == DATA and stream in unfinished:
                found.bodies[codes[stream]] = payload
                unfinished.discard(stream)
            if len(codes) == count and not unfinished:
                return

    @staticmethod
    async def leave(*watches: Watches) -> None:
        """Close their connections, as a client does that is killed."""
        for one in watches:
            for writer in one.writers:
                writer.transport.abort()
