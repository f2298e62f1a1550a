"""Whose connection it is that reaches a plugin: the engine's, which runs as the same user, or another user's.

Pulumi's engine connects to its plugins over loopback and shows no credentials, and a plugin does with the rights of
its user what a request says. The kernel knows the user of the socket at the other end. Where it does not tell (there is
no /proc on macOS), every connection is taken for the engine's.
Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOOPBACK: Final = ("0100007F", "0000000000000000FFFF00000100007F")
"""127.0.0.1, as sockets of IPv4 and of IPv6 have it."""
_ESTABLISHED: Final = "01"
_NO_INODE: Final = "0"


def is_of_user(table: str, peer: int, port: int, user: int) -> bool:
    """Whether the socket at loopback port `peer` that is connected to `port` is of a user, by a table of TCP. Pure.

    Sockets that their process has closed do not count: the kernel shows them as root's.
    """
    ends = {(f"{address}:{peer:04X}", f"{address}:{port:04X}") for address in _LOOPBACK}
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and (words[1], words[2]) in ends and words[3] == _ESTABLISHED:
            return words[7] == str(user) and words[9] != _NO_INODE
    return False


class OwnUserOnly(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Refuses every request of another user; `port` is the server's, known once it listens."""

    def __init__(self) -> None:
        self.port = 0
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """The handler of a request, behind the question of whose it is."""
        handler = continuation(details)
        if handler is None:
            return None

        def answer(request: Any, context: Any) -> Any:
            if not self._is_own(context.peer()):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "this plugin serves the engine of its own user only")
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)

    def _is_own(self, peer: str) -> bool:
        # The engine keeps its one connection for as long as the plugin lives.
        with self._lock:
            if peer in self._known:
                return True
        number = peer.rpartition(":")[2]
        if not number.isdecimal():
            return False
        tables = [table.read_text(encoding="ascii") for table in _TABLES if table.exists()]
        own = not tables or any(is_of_user(table, int(number), self.port, os.geteuid()) for table in tables)
        if own:
            with self._lock:
                self._known.add(peer)
        return own
