"""All plugins of one package in one process: `python -m meshfleet.plugins.shared PACKAGE DESCRIPTOR`.

The engine starts a process for each explicit provider, one after the other, and each of them takes Python a fifth of
a second. `meshfleet` starts this one beforehand, while it still imports Pulumi's SDK itself; what the engine then
starts is `meshfleet/plugins/attach.py`, which connects here and gets the port of a plugin of its own.

DESCRIPTOR is a listening Unix socket. Each connection is a plugin: it ends when the connection does. The process
ends when its standard input has ended, since then the command is gone, and so has the last connection: an engine
may outlive its command. Plain `pulumi` knows nothing of this and starts each plugin by itself.

Each package has a process of its own: lightkube keeps one registry of kinds, which the two fill in different ways.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from meshfleet.plugins.start import without_asyncio
from meshfleet.processes.garbage_collection import collect_less_often

Make = Callable[[], Any]


class SharedPlugins:
    """Counts the plugins it serves, each in a thread of its own."""

    def __init__(self, make: Make, version: str) -> None:
        self._make = make
        self._version = version
        self._ended = threading.Condition()
        self._plugins = 0

    def accept(self, listener: socket.socket) -> None:
        """Serve a plugin on every connection that comes."""
        while True:
            connection, _ = listener.accept()
            with self._ended:
                self._plugins += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def wait(self) -> None:
        """Return once there is no plugin."""
        with self._ended:
            self._ended.wait_for(lambda: not self._plugins)

    def _serve(self, connection: socket.socket) -> None:
        from meshfleet.plugins.serve import listen

        try:
            with connection:
                provider = self._make()
                server, port = listen(provider, self._version)
                connection.sendall(f"{port}\n".encode())
                # Nothing is ever sent: this returns when the other end is gone.
                connection.recv(1)
                provider.cancel()
                server.stop(None)
        finally:
            with self._ended:
                self._plugins -= 1
                self._ended.notify_all()


def _package(name: str) -> tuple[Make, str]:
    """The provider of a package and its version, with all that an unchanged run needs of it imported."""
    if name == "kubernetes":
        from meshfleet.plugins.kubernetes import provider as kubernetes

        return kubernetes.KubernetesProvider, kubernetes.VERSION
    from meshfleet.plugins.meshfleet import provider as meshfleet

    meshfleet.load_handlers()
    return meshfleet.MeshfleetProvider, meshfleet.VERSION


def main() -> None:
    """Serve until the command and its engine are gone."""
    package, descriptor = sys.argv[1:]
    without_asyncio()
    collect_less_often()
    from meshfleet.plugins import serve  # noqa: F401 - imported before it is needed

    shared = SharedPlugins(*_package(package))
    listener = socket.socket(fileno=int(descriptor))
    threading.Thread(target=shared.accept, args=(listener,), daemon=True).start()
    sys.stdin.buffer.read()
    shared.wait()
    # Requests of an engine that was killed are still under way, and no caller waits for their responses.
    os._exit(0)


if __name__ == "__main__":
    main()
