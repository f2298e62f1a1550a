"""The health of a server on this machine, and the process behind one that hangs."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlsplit

from meshfleet.errors import UnreachableError
from meshfleet.processes.listeners import listener_on
from meshfleet.processes.waiting import NotYetError

# What `up` starts again once it has ended.
_OURS: Final = ("kube-apiserver", "pilot-discovery", "etcd")
_SECONDS: Final = 5.0
_CHARACTERS: Final = 4096
_LIMIT: Final = 1024 * 1024


def ask(url: str, context: ssl.SSLContext | None = None) -> str:
    """The beginning of a successful answer. Raises NotYetError with what came instead: a status, a
    refusal.
    """
    # It takes a tenth of a second to import.
    from meshfleet.kube.transport import get

    try:
        page = get(url, seconds=_SECONDS, limit=_LIMIT, context=context)
    except UnreachableError as error:
        raise NotYetError(f"{error.cause}{f' ({error.detail})' if error.detail else ''}") from None
    if not 200 <= page.status < 300:
        raise NotYetError(f"HTTP {page.status}")
    return page.text[:_CHARACTERS]


def listener(url: str) -> tuple[int, str] | None:
    """The id and the name of the process of this machine that listens at a loopback URL; None if it is not known."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return listener_on(parts.port) if local and parts.port is not None else None


def hang_advice(url: str) -> str:
    """What to do about a server of this machine that accepts connections and does not answer; empty when unknown."""
    found = listener(url)
    if found is None:
        return ""
    pid, name = found
    if name not in _OURS:
        return f"see why process {pid} ({name}), which listens there, hangs"
    return f"process {pid} ({name}) hangs: terminate it with `kill -9 {pid}`, then `meshfleet up` starts it again"
