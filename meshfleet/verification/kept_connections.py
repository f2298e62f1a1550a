"""A pool of connections to API servers for one run of checks, which saves the TCP and TLS handshakes.

A connection is used by one check at a time. After an error it is closed instead of returned to the pool.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar


class Kept(Protocol):
    """A client that is closed by leaving its context."""

    def __enter__(self) -> Any:
        """Open it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> object:
        """Close it."""
        ...


C = TypeVar("C", bound=Kept)


class KeptConnections:
    """Idle clients by server. Safe for use by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Hashable, list[Any]] = {}
        self._runs = 0

    @contextmanager
    def run(self) -> Iterator[None]:
        """Keep connections until the end of the block; the last block to end closes all of them."""
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
    def connection(self, place: Hashable, connect: Callable[[], C]) -> Iterator[C]:
        """A client of `place` for this block, from the pool or created by `connect`."""
        with self._lock:
            kept = self._idle.get(place)
            client = kept.pop() if kept else None
        if client is None:
            client = connect()
            client.__enter__()
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
"""The pool of this process."""
