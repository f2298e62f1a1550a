"""What a neighbour tries: another user of the machine, or the application of a pod. Each function runs as that one.

They import nothing while they run, since the neighbour may not be able to read any module.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATHS: Final = (
    "/",
    "/healthz",
    "/readyz",
    "/livez",
    "/ready",
    "/version",
    "/metrics",
    "/stats/prometheus",
    "/debug/syncz",
    "/debug/configz",
    "/debug/clusterz",
    "/debug/pprof/heap",
    "/debug/pprof/goroutine?debug=1",
    "/config_dump",
    "/scopej/",
    "/api/v1/secrets",
    "/api/v1/namespaces/kube-system/configmaps",
    "/openid/v1/jwks",
    "/pods",
    "/runningpods/",
    "/portForward/istio-system/istiod",
    "/v3/kv/range",
    "/inject",
)
HEALTH: Final = frozenset({"/healthz", "/readyz", "/livez", "/ready", "/version"})
"""What a server may say of itself to everybody: that it is well, and which version it is."""
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SECONDS: Final = 3.0
_AT_ONCE: Final = 16


@dataclass(frozen=True)
class Reached:
    """What a port gave: the paths that were answered with success, over plain HTTP and over TLS without certificate."""

    address: str
    port: int
    answered: tuple[str, ...]
    speaks_http2: bool


def try_ports(addresses: Iterable[tuple[str, int]]) -> list[Reached]:
    """Those to which a connection could be made at all."""
    # What never answers takes the time of every attempt.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [reached for reached in pool.map(_try_port, addresses) if reached]


def _try_port(place: tuple[str, int]) -> Reached | None:
    address, port = place
    try:
        socket.create_connection(place, _SECONDS).close()
    except OSError:
        return None
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [(scheme, path) for scheme in ("http", "https") for path in PATHS]
        statuses = pool.map(lambda one: _status(address, port, one[1], one[0] == "https"), asked)
    answered = [f"{scheme}{path}" for (scheme, path), status in zip(asked, statuses, strict=True) if status[:1] == "2"]
    return Reached(address, port, tuple(answered), _speaks_http2(address, port))


def _status(address: str, port: int, path: str, encrypted: bool) -> str:
    try:
        with socket.create_connection((address, port), _SECONDS) as plain:
            connection = _encrypted(plain) if encrypted else plain
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            words = connection.recv(4096).split()
            return words[1].decode("ascii", "replace") if len(words) > 1 and words[0].startswith(b"HTTP/") else ""
    except OSError:
        return ""


def _encrypted(plain: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def _speaks_http2(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), _SECONDS) as connection:
            connection.sendall(_PREFACE)
            # The type of the first frame: SETTINGS.
            return connection.recv(9)[3:4] == b"\x04"
    except OSError:
        return False


def try_sockets(paths: Iterable[str]) -> list[str]:
    """The Unix sockets that take a connection."""
    found = []
    for path in paths:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect("\0" + path[1:] if path.startswith("@") else path)
            except OSError:
                continue
        found.append(path)
    return found


def try_processes(numbers: Sequence[int]) -> list[str]:
    """What of these processes can be read, or whether they can be sent a signal."""
    found = []
    for number in numbers:
        for name in ("environ", "mem", "maps", "root", "cwd", "exe", "fd", "io", "stack", "auxv"):
            path = f"/proc/{number}/{name}"
            try:
                if name in ("root", "cwd", "exe"):
                    os.readlink(path)
                elif name == "fd":
                    os.listdir(path)
                else:
                    with open(path, "rb") as file:
                        file.read(1)
            except OSError:
                continue
            found.append(path)
        try:
            os.kill(number, signal.SIG_DFL)
        except OSError:
            continue
        found.append(f"signal to {number}")
    return found


def try_files(folders: Sequence[str]) -> tuple[int, list[str]]:
    """How many entries were met below folders, and those that can be read or changed."""
    met, found = 0, []
    for folder in folders:
        for root, names, files in os.walk(folder):
            if os.access(root, os.W_OK):
                found.append(root)
            for name in (*names, *files):
                met += 1
                path = os.path.join(root, name)
                if os.path.isfile(path) and os.access(path, os.R_OK | os.W_OK, follow_symlinks=False):
                    found.append(path)
    return met, found


def keys_in_sight(skipped: Sequence[str]) -> tuple[int, list[str]]:
    """How many files can be read below /, and which of them hold a private key."""
    met, found = 0, []
    for root, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(root, name) not in skipped]
        for name in files:
            path = os.path.join(root, name)
            try:
                if not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    content = file.read(1 << 20)
            except OSError:
                continue
            met += 1
            if b"PRIVATE KEY" in content:
                found.append(path)
    return met, found


def processes_in_sight() -> list[str]:
    """The command lines of all processes that /proc shows."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                found.append(Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
    return found


def try_namespaces(paths: Sequence[str]) -> list[str]:
    """The network namespaces that can be entered."""
    import ctypes

    found = []
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        if ctypes.CDLL(None).setns(descriptor, 0) == 0:
            found.append(path)
        os.close(descriptor)
    return found
