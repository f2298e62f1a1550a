"""A real portal on loopback: Envoy with the documents of a portal, before API servers that record what reaches them."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshfleet.portal.documents import documents, serving_document, token_document
from meshfleet.portal.spec import Address, HostAccounts, Member, OidcProvider, PortalSpec, Subjects
from meshfleet.portal.upstreams import KEY_READER
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain.tools import tool
from tests.tls_servers import self_signed

ISSUER = "https://kubernetes.default.svc.cluster.local"
PROVIDER = "https://login.example.com"
OWN_TOKEN = "the-portals-own-account"
ROTATED_TOKEN = "the-portals-account-after-rotation"
SUBJECTS = Subjects(
    users={"oidc:alice": ("staff",), "oidc:bob": (), "carol": ()},
    groups=("oidc:dev", "ops", "staff"),
    service_accounts=(("ci", "deployer"),),
)


class Signer:
    """A key that signs tokens, and the key set by which they are verified."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())

    def token(self, claims: Mapping[str, Any], algorithm: str = "ES256") -> str:
        """A JSON Web Token, valid for ten minutes unless the claims say otherwise."""
        times = {"iat": int(time.time()), "exp": int(time.time()) + 600}
        header = {"alg": algorithm, "kid": self._name, "typ": "JWT"}
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(times | dict(claims)).encode())}"
        if algorithm == "none":
            return f"{signed}."
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_part(r.to_bytes(32) + s.to_bytes(32))}"

    @property
    def keys(self) -> str:
        """The key set."""
        numbers = self._key.public_key().public_numbers()
        x, y = _part(numbers.x.to_bytes(32)), _part(numbers.y.to_bytes(32))
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self._name, "x": x, "y": y}
        return json.dumps({"keys": [key]})


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Received:
    """One request as it reached an API server."""

    server: str
    line: str
    headers: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Answer:
    """What the client got."""

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> Any:
        """The Status of Kubernetes in it."""
        return json.loads(self.body)


@dataclass
class PortalUnderTest:
    """A running portal; `received` is what reached the API servers behind it."""

    directory: Path
    port: int
    authority: str
    host: Signer
    provider: Signer
    clients: ClientAuthority
    spec: PortalSpec
    received: list[Received] = field(default_factory=list)

    def account(self, **changed: Any) -> str:
        """The token of the service account ci/deployer of the host."""
        bound = {"namespace": "ci", "serviceaccount": {"name": "deployer", "uid": "1"}}
        claims = {"iss": ISSUER, "aud": [ISSUER], "sub": "system:serviceaccount:ci:deployer", "kubernetes.io": bound}
        return self.host.token(claims | changed)

    def person(self, name: str = "alice", **changed: Any) -> str:
        """The token that the provider issued to a person."""
        return self.provider.token({"iss": PROVIDER, "aud": "portal", "sub": name} | changed)

    def send(
        self,
        path: str,
        token: str = "",
        headers: Sequence[tuple[str, str]] = (),
        method: str = "GET",
        certificate: Path | None = None,
    ) -> Answer:
        """One request with exactly this path and these headers, as HTTP/1.1 has them."""
        with self.connect(certificate) as connection:
            lines = [f"{method} {path} HTTP/1.1", "Host: portal", *(f"{name}: {value}" for name, value in headers)]
            if token:
                lines.append(f"Authorization: Bearer {token}")
            if not any(name.lower() == "connection" for name, _ in headers):
                lines.append("Connection: close")
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            return read_answer(connection)

    @contextmanager
    def connect(self, certificate: Path | None = None, protocol: str = "http/1.1") -> Iterator[ssl.SSLSocket]:
        """A connection to the portal."""
        context = ssl.create_default_context(cadata=self.authority)
        context.set_alpn_protocols([protocol])
        if certificate:
            context.load_cert_chain(certificate)
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection

    def audit(self, request: str) -> list[Any]:
        """The audit lines of a request, by its ID; waits for the first."""

        def written() -> list[Any]:
            lines = (self.directory / "audit.jsonl").read_text().splitlines()
            found = [line for line in map(json.loads, lines) if line["requestId"] == request]
            if not found:
                raise NotYetError(f"{len(lines)} lines, none of {request}")
            return found

        return wait_until(written, "the audit line", 20, "look at the log of Envoy")

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Another document in place of one."""
        place(self.directory, name, document)


class ClientAuthority:
    """Issues client certificates."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        certificate, key = self_signed("people")
        self.certificate = certificate.decode()
        self._issuer = x509.load_pem_x509_certificate(certificate)
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self._key: Any = load_pem_private_key(key, None)

    def issue(self, name: str, *groups: str) -> Path:
        """A file with a certificate whose CN is the name and whose O are the groups, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        if name:
            parts.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(parts))
            .issuer_name(self._issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._issuer.not_valid_before_utc)
            .not_valid_after(self._issuer.not_valid_after_utc)
            .sign(self._key, SHA256())
        )
        path = self._directory / f"client-{certificate.serial_number}.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + pem)
        return path


def read_answer(connection: ssl.SSLSocket) -> Answer:
    """An answer that ends with its connection, or with its headers where it upgrades."""
    content = b""
    while b"\r\n\r\n" not in content:
        content += (more := connection.recv(65536))
        if not more:
            break
    head, _, body = content.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    code = int(lines[0].split()[1]) if len(lines[0].split()) > 1 else 0
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while code != 101 and len(body) < int(headers.get("content-length", 1 << 30)):
        more = connection.recv(65536)
        if not more:
            break
        body += more
    return Answer(code, headers, body)


@contextmanager
def api_server(name: str, received: list[Received], keys: str = "") -> Iterator[Address]:
    """An API server that answers its own name, upgrades what asks for it and then echoes, and publishes keys."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            if self.path == "/openid/v1/jwks" and self.headers.get("Authorization") == f"Bearer {OWN_TOKEN}":
                self._content(keys.encode())
                return
            received.append(Received(name, self.requestline, list(self.headers.items())))
            if upgrade := self.headers.get("Upgrade"):
                self.send_response(101)
                self.send_header("Connection", "Upgrade")
                self.send_header("Upgrade", upgrade)
                self.end_headers()
                while sent := self.rfile.read1(65536):
                    self.wfile.write(sent)
                self.close_connection = True
                return
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._content(json.dumps({"server": name, "path": self.path}).encode())

        def _content(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Not into the output of the tests."""

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


@contextmanager
def served_certificate(certificate: bytes, key: bytes) -> Iterator[ssl.SSLContext]:
    """A context of a server; the file is gone afterwards."""
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + key)
        file.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
        yield context


def place(directory: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write a document beside its place and move it there, as Envoy wants it."""
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(document))
    new.replace(path)


@contextmanager
def portal(directory: Path) -> Iterator[PortalUnderTest]:
    """A portal before the clusters east and west, and gone, which is not reachable."""
    host, provider, clients = Signer("host"), Signer("provider"), ClientAuthority(directory)
    received: list[Received] = []
    with ExitStack() as stack:
        east = stack.enter_context(api_server("east", received, host.keys))
        west = stack.enter_context(api_server("west", received))
        nowhere = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        gone = Address("127.0.0.1", nowhere.getsockname()[1], west.authority)
        port = free_port()
        nowhere.close()
        spec = PortalSpec(
            addresses=("127.0.0.1",),
            port=port,
            members=tuple(
                Member(name, address, SUBJECTS) for name, address in (("east", east), ("west", west), ("gone", gone))
            ),
            host_accounts=HostAccounts(ISSUER, (ISSUER,), east),
            oidc={
                "login": OidcProvider(
                    PROVIDER,
                    ("portal",),
                    username_prefix="oidc:",
                    groups_claim="groups",
                    groups_prefix="oidc:",
                    jwks=provider.keys,
                )
            },
            client_authority=clients.certificate,
        )
        certificate, key = self_signed("localhost", "127.0.0.1")
        place(directory, "serving.json", serving_document(certificate.decode(), key.decode()))
        for name in ("east", "west", "gone", KEY_READER):
            place(directory, f"tokens/{name}.json", token_document(OWN_TOKEN))
        for name, document in documents(spec, str(directory)).items():
            place(directory, name, document)
        found = PortalUnderTest(directory, port, certificate.decode(), host, provider, clients, spec, received)
        stack.enter_context(envoy(directory))
        wait_until(lambda: _ready(found), "the portal to listen", 30, _log(directory))
        yield found


def _ready(found: PortalUnderTest) -> None:
    try:
        code = found.send("/readyz").code
    except OSError as error:
        raise NotYetError(str(error)) from error
    if code != 200:
        raise NotYetError(f"it answers {code}")


def _log(directory: Path) -> str:
    return f"its log is {directory / 'envoy.log'}"


def free_port() -> int:
    """A port of loopback that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def envoy(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An Envoy with the documents of a directory."""
    with (directory / "envoy.log").open("wb") as log:
        options = ["--disable-hot-restart", "--concurrency", "2", "--file-flush-interval-msec", "50"]
        process = subprocess.Popen(
            [str(tool("envoy")), "-c", str(directory / "bootstrap.json"), *options],
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath},
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)
