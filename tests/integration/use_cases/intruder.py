"""Somebody with a certificate of one mesh who speaks TLS to the gateway of another, without a proxy of his own."""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from meshfleet.testing import FleetUnderTest

_SECONDS = 10


@dataclass(frozen=True)
class Heard:
    """Whose certificate the other side showed, and the beginning of what it said, or how it broke off."""

    server: str
    said: str


def certificate_of(fleet: FleetUnderTest, cluster: str) -> Path:
    """A file with a certificate for `shop/cart`, its key and its chain, by the authority of the istiod of a cluster."""
    secret = fleet.get(cluster, "secret", "cacerts", "--namespace", "istio-system")["data"]
    authority = x509.load_pem_x509_certificate(base64.b64decode(secret["ca-cert.pem"]))
    signer = serialization.load_pem_private_key(base64.b64decode(secret["ca-key.pem"]), None)
    assert isinstance(signer, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    identity = x509.UniformResourceIdentifier(f"spiffe://{cluster}.example/ns/shop/sa/cart")
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([identity]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    path = fleet.sandbox.folder / f"{cluster}.pem"
    path.touch(mode=0o600)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = base64.b64decode(secret["cert-chain.pem"])
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM) + chain)
    return path


def ask_over_tls(address: str, port: int, name: str, certificate: Path) -> Heard:
    """Send a request to whoever the name (SNI) leads to behind a gateway, whatever certificate that one shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificate)
    # By which gateways know what is of the mesh.
    context.set_alpn_protocols(["istio"])
    with (
        socket.create_connection((address, port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (server,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: cart.shop.svc.cluster.local\r\nConnection: close\r\n\r\n")
            return Heard(server, connection.recv(1 << 16).decode())
        except OSError as error:
            # With TLS 1.3 a client hears only now that its certificate was refused.
            return Heard(server, str(error))
