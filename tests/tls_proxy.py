"""Something in front of an API server that shows a certificate of another authority, as load balancers do."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """A certificate authority and a server certificate for 127.0.0.1, in files of `folder`."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """Who signs: the PEM that clients need."""
        return self.folder / "authority.pem"

    @property
    def server(self) -> Path:
        """The server's certificate and key."""
        return self.folder / "server.pem"


def new_authority(folder: Path) -> Authority:
    """Make both; valid for an hour."""
    made = Authority(folder)
    signing, serving = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another authority")])
    now = datetime.now(UTC)

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
        )

    authority = (
        builder(subject, signing)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(signing, hashes.SHA256())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy")])
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server = builder(name, serving).add_extension(alternatives, critical=False).sign(signing, hashes.SHA256())
    pem = serialization.Encoding.PEM
    key = serving.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made.certificate.write_bytes(authority.public_bytes(pem))
    made.server.touch(0o600)
    made.server.write_bytes(server.public_bytes(pem) + key)
    return made


@contextmanager
def proxy_before(port: int, authority: Authority) -> Iterator[int]:
    """A proxy on 127.0.0.1 that ends TLS and speaks TLS again to the server at `port`; its own port."""
    inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inward.load_cert_chain(authority.server)
    outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # It is this machine's own API server, whatever its certificate says.
    outward.check_hostname, outward.verify_mode = False, ssl.CERT_NONE
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_pass_on, args=(accepted, inward, outward, port), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Wakes the thread that accepts.
            listener.shutdown(socket.SHUT_RDWR)


def _pass_on(accepted: socket.socket, inward: ssl.SSLContext, outward: ssl.SSLContext, port: int) -> None:
    with (
        suppress(OSError),
        inward.wrap_socket(accepted, server_side=True) as client,
        socket.create_connection(("127.0.0.1", port)) as plain,
        outward.wrap_socket(plain) as server,
    ):
        while True:
            waiting = [one for one in (client, server) if one.pending()]
            for one in waiting or select.select([client, server], [], [])[0]:
                data = _received(one)
                if data is None:
                    continue
                if not data:
                    return
                (server if one is client else client).sendall(data)


def _received(connection: ssl.SSLSocket) -> bytes | None:
    """What has come over a connection that is readable; None where that was TLS's own, such as a session ticket."""
    connection.settimeout(0)
    try:
        return connection.recv(65536)
    except ssl.SSLWantReadError:
        return None
    finally:
        connection.settimeout(None)
