"""A process in the network namespace of a pod that hands connections on to the machine's own loopback interface.

An istiod here is a process that listens on loopback alone; its pod, which others find by its address, is this.

    python -m embedded.network.relay <process> <address> <port>=<port on loopback> …

`<process>` is one in the machine's own namespace. It ends when it is told to.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from embedded.network.namespaces import enter

_CHUNK: Final = 1 << 16
LOOPBACK: Final = "127.0.0.1"


async def serve(outside: ThreadPoolExecutor, address: str, ports: Sequence[tuple[int, int]]) -> None:
    """Listen at `address` on the first of each pair and lead to the second on loopback, as long as it is let."""
    servers = [await asyncio.start_server(_handler(outside, there), address, here) for here, there in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _handler(
    outside: ThreadPoolExecutor, port: int
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        # A socket belongs to the namespace of the thread that makes it, wherever it is used.
        made = await loop.run_in_executor(outside, socket.socket)
        made.setblocking(False)
        try:
            await loop.sock_connect(made, (LOOPBACK, port))
        except OSError:
            made.close()
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection(sock=made)
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    return handle


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
    process, address, *pairs = arguments
    ports = [(int(here), int(there)) for here, _, there in (pair.partition("=") for pair in pairs)]
    descriptor = os.open(f"/proc/{int(process)}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    with ThreadPoolExecutor(1, thread_name_prefix="outside", initializer=enter, initargs=(descriptor,)) as outside:
        asyncio.run(serve(outside, address, ports))


if __name__ == "__main__":
    main(sys.argv[1:])
