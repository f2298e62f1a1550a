"""A process in the network namespace of a pod that hands connections on to the machine's own loopback interface.

An istiod here is a process that listens on loopback alone; its pod, which others find by its address, is this.

    python -m meshfleet.dataplane.network.relay <process> <address> <port>=<port on loopback>[/<path>] …

`<process>` is one in the machine's own namespace. It ends when it is told to.

Connections through the relay reach istiod from 127.0.0.1, which gives everything to loopback that it gives to an
authenticated administrator (isRequestFromLocalhost in pilot/pkg/xds/debug.go of istio/istio). So where istiod speaks
plain HTTP only a GET of one path is answered, with a request of this process's own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from meshfleet.dataplane.network.namespaces import enter

_CHUNK: Final = 1 << 16
_SECONDS: Final = 10.0
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Way:
    """From a port here to one on loopback; with a `path` only a GET of that is answered."""

    here: int
    there: int
    path: str = ""

    @classmethod
    def of(cls, text: str) -> Way:
        """The way of one argument. Raises ValueError."""
        here, _, rest = text.partition("=")
        there, slash, path = rest.partition("/")
        return cls(int(here), int(there), slash + path)


async def serve(outside: ThreadPoolExecutor, address: str, ways: Sequence[Way]) -> None:
    """Listen at `address` on one end of each way and lead to the other, as long as it is let."""
    servers = [await asyncio.start_server(_handler(outside, way), address, way.here, limit=_CHUNK) for way in ways]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _handler(
    outside: ThreadPoolExecutor, way: Way
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if way.path and not await _wants(reader, way.path):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            there_reader, there_writer = await _connect(outside, way.there)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        else:
            if not way.path:
                await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
                return
            there_writer.write(f"GET {way.path} HTTP/1.1\r\nHost: istiod\r\nConnection: close\r\n\r\n".encode())
            await _pump(there_reader, writer)
            there_writer.close()
        finally:
            writer.close()

    return handle


async def _connect(outside: ThreadPoolExecutor, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    # A socket belongs to the namespace of the thread that makes it, wherever it is used.
    made = await loop.run_in_executor(outside, socket.socket)
    made.setblocking(False)
    try:
        await loop.sock_connect(made, (LOOPBACK, port))
    except OSError:
        made.close()
        raise
    return await asyncio.open_connection(sock=made)


async def _wants(reader: asyncio.StreamReader, path: str) -> bool:
    """Whether a request is a GET of `path` and no more, all of its head having come."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SECONDS)
    return head.split(b"\r\n", 1)[0] in {f"GET {path} HTTP/1.{minor}".encode() for minor in (0, 1)}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(_CHUNK):
            writer.write(content)
            await writer.drain()
    except OSError:
        # Either side may go at any moment; the other then hears of it.
        pass
    finally:
        writer.close()


def main(arguments: Sequence[str]) -> None:
    """Serve until the process is ended."""
    process, address, *ways = arguments
    descriptor = os.open(f"/proc/{int(process)}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    with ThreadPoolExecutor(1, thread_name_prefix="outside", initializer=enter, initargs=(descriptor,)) as outside:
        asyncio.run(serve(outside, address, [Way.of(text) for text in ways]))


if __name__ == "__main__":
    main(sys.argv[1:])
