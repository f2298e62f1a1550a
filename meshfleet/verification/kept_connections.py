"""Connections to API servers that one check gives back for the next: each begins with two handshakes, TLS and TCP.

Only while a run of checks lasts, and each is one check's alone at any time. One in which something failed is closed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from lightkube import Client


class KeptConnections:
    """Clients that nothing uses at the moment, by what they lead to. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Hashable, list[Client]] = {}
        self._runs = 0

    @contextmanager
    def run(self) -> Iterator[None]:
        """Keep connections until the end of the block; with the last one that does, all are closed."""
        with self._lock:
            self._runs += 1
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                left = [] if self._runs else [client for kept in self._idle.values() for client in kept]
                if not self._runs:
                    self._idle.clear()
            for client in left:
                client.__exit__(None, None, None)

    @contextmanager
    def connection(self, place: Hashable, connect: Callable[[], Client]) -> Iterator[Client]:
        """A client of `place` for this block alone, made by `connect` unless one was kept."""
        with self._lock:
            kept = self._idle.get(place)
            client = kept.pop() if kept else None
        if client is None:
            client = connect().__enter__()
        good = False
        try:
            yield client
            good = True
        finally:
            with self._lock:
                if good and self._runs:
                    self._idle.setdefault(place, []).append(client)
                    client = None
            if client is not None:
                client.__exit__(None, None, None)


KEPT: Final = KeptConnections()
"""Those of this process."""
