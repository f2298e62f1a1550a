"""An API server on loopback that has pods: it lists them, runs commands in them, and passes requests on to them.

What a command prints and how it ends is a function of the test; so are answers that no API server gives.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event

from meshfleet.kube.exec_stream import PROTOCOLS

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SUCCESS: Final = {"metadata": {}, "status": "Success"}


def failure(code: int, message: str, reason: str = "Forbidden") -> dict[str, Any]:
    """A Status as API servers return it."""
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason} | {
        "code": code
    }


def exited(code: int) -> dict[str, Any]:
    """The Status of a command that exited with a code."""
    details = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    return {"status": "Failure", "message": "command terminated", "reason": "NonZeroExitCode", "details": details}


class Command:
    """One command that a client runs in a pod: what it says, and the ways to answer."""

    def __init__(self, handler: BaseHTTPRequestHandler, parameters: Sequence[tuple[str, str]]) -> None:
        self.arguments = [value for name, value in parameters if name == "command"]
        self.container = next((value for name, value in parameters if name == "container"), "")
        self._handler = handler
        self._socket = Connection(ConnectionType.SERVER)

    def refuse(self, code: int, content: bytes | dict[str, Any], kind: str = "application/json") -> None:
        """Answer without switching protocols."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        respond(self._handler, code, body, kind)

    def switch(self, protocol: str = PROTOCOLS[0]) -> None:
        """Switch protocols."""
        key = self._handler.headers.get("Sec-WebSocket-Key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
        self._handler.wfile.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )

    def send(self, event: Event) -> None:
        """Send a WebSocket event."""
        self._handler.wfile.write(self._socket.send(event))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(data)

    def message(self, channel: int, content: str | bytes | dict[str, Any], *, finished: bool = True) -> None:
        """Send a message of a channel: 1 is the output, 2 the errors, 3 the end."""
        if isinstance(content, dict):
            content = json.dumps(content)
        data = content.encode() if isinstance(content, str) else content
        self.send(BytesMessage(data=bytes([channel]) + data, message_finished=finished))

    def print(self, out: str = "", err: str = "", status: dict[str, Any] | None = None) -> None:
        """What a real API server sends for a command that prints this and ends."""
        self.switch()
        self.message(1, b"")
        # In pieces, as a runtime passes output on.
        for start in range(0, len(out), 4096):
            self.message(1, out[start : start + 4096])
        if err:
            self.message(2, err)
        self.message(3, SUCCESS if status is None else status)
        self.send(CloseConnection(1000))


Run = Callable[[Command], None]


@dataclass
class Pods:
    """What the API server has, and what was asked of it."""

    url: str = ""
    pods: list[dict[str, Any]] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    run: Run = lambda command: command.print()
    proxied: Callable[[str, int, str], tuple[int, bytes, str]] = lambda *_: (200, b"", "text/plain")
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)

    def add(self, name: str, namespace: str, labels: dict[str, str], *, ready: bool = True) -> None:
        """Add a pod."""
        self.pods.append(
            {
                "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels},
                "spec": {"containers": [{"name": "one"}]},
                "status": {
                    "phase": "Running",
                    "podIP": f"10.0.0.{len(self.pods) + 1}",
                    "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                },
            }
        )


def respond(handler: BaseHTTPRequestHandler, code: int, body: bytes, kind: str = "application/json") -> None:
    """Send a whole response."""
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def answer(handler: BaseHTTPRequestHandler, server: Pods) -> None:
    """Answer one GET."""
    parts = urlsplit(handler.path)
    steps = parts.path.strip("/").split("/")
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if steps[2:3] != ["namespaces"]:
        # All namespaces.
        steps = [*steps[:2], "namespaces", "", *steps[2:]]
    namespace, resource, name, sub = (steps[3], *(*steps[4:7], "", "", "")[:3])
    status = server.refused.get(sub or resource)
    if status is not None:
        respond(handler, status["code"], json.dumps(status).encode())
    elif sub == "exec":
        command = Command(handler, parameters)
        server.commands.append([name, command.container, *command.arguments])
        server.run(command)
    elif sub == "log":
        respond(handler, 200, server.logs.get(name, "").encode(), "text/plain")
    elif sub == "proxy":
        _, pod, port = name.split(":")
        code, body, kind = server.proxied(pod, int(port), "/" + "/".join(steps[7:]))
        respond(handler, code, body, kind)
    elif resource == "pods":
        wanted = dict(one.split("=") for one in dict(parameters).get("labelSelector", "").split(",") if one)
        found = [
            pod
            for pod in server.pods
            if namespace in ("", pod["metadata"]["namespace"]) and wanted.items() <= pod["metadata"]["labels"].items()
        ]
        respond(handler, 200, json.dumps({"kind": "PodList", "metadata": {}, "items": found}).encode())
    elif resource == "services" and name in server.services:
        service = {"kind": "Service", "metadata": {"name": name}, "spec": {"clusterIP": server.services[name]}}
        respond(handler, 200, json.dumps(service).encode())
    elif not name:
        respond(handler, 200, json.dumps({"kind": "List", "metadata": {}, "items": []}).encode())
    else:
        respond(handler, 404, json.dumps(failure(404, f"{name or resource} not found", "NotFound")).encode())


@contextmanager
def pod_server() -> Iterator[Pods]:
    """The API server while the block runs."""
    server = Pods()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                answer(self, server)
            except (ConnectionError, ValueError):
                # The client has had enough.
                self.close_connection = True
            if "exec" in self.path:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
