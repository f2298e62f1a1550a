"""Stands where the engine expects a plugin, while a shared process does the work (`meshfleet.plugins.shared`).

    python -I -S attach.py SOCKET SCRIPT [ARGUMENT ...]

Run by SCRIPT, with the arguments that the engine gave to it, when the command has a shared process for its package.
The plugin there lives as long as this process, which ends with the engine. Without an answer SCRIPT is run again
without MESHFLEET_PLUGINS and becomes a plugin of its own. It imports next to nothing: that is its purpose.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from meshfleet.plugins.engine_watch import watch_engine


def main() -> None:
    """Say the port as a plugin would, and stay until the engine or the shared process ends."""
    address, script, *arguments = sys.argv[1:]
    # The engine ends its plugins by an interrupt; there is nothing to tidy up here.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    watch_engine(lambda: os._exit(0))
    with socket.socket(socket.AF_UNIX) as connection:
        port = _port(connection, address)
        if not port:
            os.environ.pop("MESHFLEET_PLUGINS", None)
            os.execv(script, [script, *arguments])  # noqa: S606 - the very script that ran this
        sys.stdout.write(port)
        sys.stdout.flush()
        connection.recv(1)


def _port(connection: socket.socket, address: str) -> str:
    try:
        connection.connect(address)
        return connection.makefile().readline()
    except OSError:
        return ""


main()
