"""The process behind a server on this machine that accepts connections and does not respond."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from meshfleet.processes.listeners import listener_on

# Processes that `up` starts again once they have ended.
_RESTARTED: Final = ("kube-apiserver", "pilot-discovery", "etcd")


def listener(url: str) -> tuple[int, str] | None:
    """The id and the name of the process of this machine that listens at a loopback URL; None if it is not known."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return listener_on(parts.port) if local and parts.port is not None else None


def hang_advice(url: str) -> str:
    """What to do about a server of this machine that accepts connections and does not respond; empty when unknown."""
    found = listener(url)
    if found is None:
        return ""
    pid, name = found
    if name not in _RESTARTED:
        return f"see why process {pid} ({name}), which listens there, hangs"
    return f"process {pid} ({name}) hangs: terminate it with `kill -9 {pid}`, then `meshfleet up` starts it again"
