"""Plain kubectl exec through a real Envoy: input ends, output comes, and kubectl exits as the command did.

The API server behind it speaks what one speaks since Kubernetes 1.30: the protocol v5.channel.k8s.io over a websocket,
https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pytest

from meshfleet.portal.documents import documents
from meshfleet.portal.spec import Address, Member
from meshfleet.toolchain.tools import tool
from tests.portal.portal_under_test import SUBJECTS, PortalUnderTest, portal, served_certificate
from tests.tls_servers import self_signed

pytestmark = pytest.mark.proof("The API portal", step=2)

STDIN, STDOUT, ERROR, CLOSE = 0, 1, 3, 255
BINARY, END = 2, 8
CODE = 7
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "shell", "namespace": "default"},
    "spec": {"containers": [{"name": "shell", "image": "shell"}]},
    "status": {"phase": "Running"},
}
PAGES: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "v1",
        "resources": [{"name": "pods", "kind": "Pod", "singularName": "pod", "namespaced": True, "verbs": ["get"]}],
    },
    "/api/v1/namespaces/default/pods/shell": POD,
}
FAILED = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "message": f"command terminated with non-zero exit code: exit status {CODE}",
    "details": {"causes": [{"reason": "ExitCode", "message": str(CODE)}]},
}


def _message(file: BufferedIOBase) -> tuple[int, bytes]:
    """The opcode and content of a masked frame (RFC 6455)."""
    first, second = file.read(2)
    size = second & 0x7F
    if size >= 126:
        size = int.from_bytes(file.read(2 if size == 126 else 8))
    mask = file.read(4)
    return first & 0xF, bytes(one ^ mask[place % 4] for place, one in enumerate(file.read(size)))


def _send(file: BufferedIOBase, channel: int, content: bytes) -> None:
    body = bytes([channel]) + content
    size = bytes([len(body)]) if len(body) < 126 else b"\x7e" + len(body).to_bytes(2)
    file.write(bytes([0x80 | BINARY]) + size + body)
    file.flush()


class Handler(BaseHTTPRequestHandler):
    """One pod, whose command answers with what it was given when its input has ended, and fails."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/exec"):
            self._exec()
            return
        body = json.dumps(PAGES.get(path, {"kind": "Status", "status": "Failure", "code": 404})).encode()
        self.send_response(200 if path in PAGES else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _exec(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        for name, value in (
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            (
                "Sec-WebSocket-Accept",
                base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode(),
            ),
            ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"),
        ):
            self.send_header(name, value)
        self.end_headers()
        given = b""
        while True:
            opcode, content = _message(self.rfile)
            if opcode == BINARY and content[:1] == bytes([STDIN]):
                given += content[1:]
            elif opcode == BINARY and content == bytes([CLOSE, STDIN]):
                break
        _send(self.wfile, STDOUT, b"got " + given)
        _send(self.wfile, ERROR, json.dumps(FAILED).encode())
        self.wfile.write(bytes([0x80 | END, 2]) + (1000).to_bytes(2))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


@contextmanager
def api_server() -> Iterator[Address]:
    certificate, key = self_signed("127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with served_certificate(certificate, key) as context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Address("127.0.0.1", server.server_address[1], certificate.decode())
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def here(tmp_path: Path, toolchain: object) -> Iterator[PortalUnderTest]:
    """A portal before that API server."""
    with portal(tmp_path) as found, api_server() as east:
        written = documents(replace(found.spec, members=(Member("east", east, SUBJECTS),)), str(tmp_path))
        found.put("clusters.json", written["clusters.json"])
        yield found


def test_exit_code_and_end_of_input_pass_through_the_portal(here: PortalUnderTest, tmp_path: Path) -> None:
    (tmp_path / "portal.pem").write_text(here.authority)
    done = subprocess.run(
        [
            *(str(tool("kubectl")), "--kubeconfig", "/dev/null", "--cache-dir", str(tmp_path / "cache")),
            *("--server", f"https://localhost:{here.port}/clusters/east", "--token", here.person()),
            *("--certificate-authority", str(tmp_path / "portal.pem"), "exec", "--stdin", "shell", "--", "any"),
        ],
        input="all of this",
        capture_output=True,
        text=True,
        timeout=60,
        # What stands for an API server here speaks HTTP/1.1 alone, and the portal what its sender speaks.
        env={"PATH": os.defpath, "DISABLE_HTTP2": "true"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (CODE, "got all of this"), done.stderr
