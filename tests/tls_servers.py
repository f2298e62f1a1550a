"""Certificates made on the spot, and servers that do wrong on purpose."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def self_signed(*names: str, days: tuple[int, int] = (-1, 1)) -> tuple[bytes, bytes]:
    """A certificate that is its own authority, valid between two days from now, and its key; in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    known = [x509.IPAddress(ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in names]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server on loopback that lets `talk` speak on each connection; its address and port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    def converse(connection: socket.socket) -> None:
        with connection:
            try:
                talk(connection)
            except OSError:
                # The client has had enough.
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        # A close alone would leave the accept above waiting.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@dataclass
class Seen:
    """What an API server saw: of each request its line, headers and the subject of the client certificate."""

    url: str
    requests: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    refuse: int = 0

    @property
    def headers(self) -> dict[str, list[str]]:
        """Those of the last request, with small letters."""
        return self.requests[-1][1]


@contextmanager
def api_server(
    folder: Path,
    certificate: tuple[bytes, bytes] | None,
    *,
    clients: bytes | None = None,
    body: bytes = b'{"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": []}',
) -> Iterator[Seen]:
    """An HTTP(S) server on loopback that answers every GET with `body`, and CONNECT as a proxy does.

    With `clients` it asks for a certificate that this one signed. The first `Seen.refuse` requests are 401.
    """
    seen = Seen("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            held: dict[str, list[str]] = {}
            for name, value in self.headers.items():
                held.setdefault(name.lower(), []).append(value)
            peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            name = str(peer.get("subject", "")) if peer else ""
            seen.requests.append((self.requestline, held, name))
            refused = len(seen.requests) <= seen.refuse
            content = b'{"kind": "Status", "message": "no", "code": 401}' if refused else body
            self.send_response(401 if refused else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_CONNECT(self) -> None:
            seen.requests.append((self.requestline, {}, ""))
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                threading.Thread(target=_pump, args=(there, self.connection), daemon=True).start()
                _pump(self.connection, there)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Not into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        pair = folder / f"server-{server.server_port}.pem"
        pair.write_bytes(b"".join(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        context.sni_callback = lambda _, name, __: seen.names.append(name)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.decode())
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no error here
    seen.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def kubeconfig(server: str, cluster: dict[str, object] | None = None, user: dict[str, object] | None = None) -> str:
    """A kubeconfig text with one context, `c`."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
        }
    )
