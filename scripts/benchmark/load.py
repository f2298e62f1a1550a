"""A client that asks without a pause over connections it keeps, and how long each answer took."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from dataclasses import dataclass

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.verification.traffic import Target

CONNECTIONS = 4
"""So many requests are under way at once."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SECONDS = 10.0


class LoadError(Exception):
    """An answer that is none: a load of which some requests fail measures nothing."""


@dataclass(frozen=True)
class Load:
    """Seconds of each request, in order of length, and seconds of all together."""

    requests: tuple[float, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.requests) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many of a hundred requests were answered."""
        return statistics.quantiles(self.requests, n=100)[percent - 1] * 1000


def load(namespace: str, target: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Ask from a network namespace for so long. Raises LoadError, NetworkError, OSError."""
    return inside(namespace, lambda: asyncio.run(_load(target, seconds, connections)))


async def _load(target: Target, seconds: float, connections: int) -> Load:
    begun = time.monotonic()
    found = await asyncio.gather(*(_ask(target, begun + seconds) for _ in range(connections)))
    return Load(tuple(sorted(taken for one in found for taken in one)), time.monotonic() - begun)


async def _ask(target: Target, until: float) -> list[float]:
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode("ascii")
    reader, writer = await asyncio.open_connection(target.address, target.port)
    found = []
    try:
        while (begun := time.monotonic()) < until:
            writer.write(request)
            async with asyncio.timeout(_SECONDS):
                await _answer(reader)
            found.append(time.monotonic() - begun)
    finally:
        writer.close()
    return found


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise LoadError(head.partition(b"\r\n")[0].decode("ascii", errors="replace"))
    length = _LENGTH.search(head)
    if length:
        await reader.readexactly(int(length.group(1)))
        return
    # In chunks, the last of which is empty.
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)
