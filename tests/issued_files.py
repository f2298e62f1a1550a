"""Certificate authorities in files, as something else issues them: roots, and intermediates of clusters below them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from meshfleet.plugins.meshfleet.certificate_reading import fingerprint, load_certificate, load_private_key
from meshfleet.plugins.meshfleet.certificates import (
    Authority,
    IntermediateSpec,
    RootSpec,
    create_intermediate,
    create_root,
)

SPEC = IntermediateSpec("west", "Example", "ecdsa-p256", 30, "istio-system")


def new_root(name: str = "Example root", *, days: int = 60, now: datetime | None = None) -> Authority:
    """A root that is not the stack's own."""
    return create_root(RootSpec(name, "Example", "ecdsa-p256", days), now or datetime.now(UTC))


def new_intermediate(root: Authority, cluster: str, *, days: int = 30, now: datetime | None = None) -> Authority:
    """An intermediate of a cluster below it."""
    return create_intermediate(root, replace(SPEC, cluster=cluster, validity_days=days), now or datetime.now(UTC))


def below(root: Authority, name: str = "Company CA") -> Authority:
    """An authority between the root and intermediates, as companies have them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = sign_authority(root, subject, key.public_key(), datetime.now(UTC) + timedelta(days=50))
    return Authority(certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def sign_authority(
    signing: Authority,
    subject: x509.Name,
    key: CertificatePublicKeyTypes,
    end: datetime,
    names: x509.SubjectAlternativeName | None = None,
) -> str:
    """The certificate of an authority as issuers outside of the fleet sign it, PEM."""
    issuer, signer = load_certificate(signing.certificate, "signing"), load_private_key(signing.private_key, "signing")
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=1))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def new_server(root: Authority) -> Authority:
    """A certificate of a server, which the root has signed as well."""
    issuer = load_certificate(root.certificate, "root")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "west.example")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(load_private_key(root.private_key, "root"), hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Authority(certificate.public_bytes(Encoding.PEM).decode(), pem.decode())


def write(folder: Path, root: Authority, cluster: str, intermediate: Authority | None = None) -> dict[str, str]:
    """Write the files of a cluster; what the stack file says of them. The key is its owner's alone."""
    issued = intermediate or new_intermediate(root, cluster)
    texts = {"certificate": issued.certificate, "key": issued.private_key, "root": root.certificate}
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        path = folder / f"{cluster}-{name}.pem"
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
    return {name: str(folder / f"{cluster}-{name}.pem") for name in texts}


def name_of(root: Authority) -> str:
    """What the root is called once it was read from a file."""
    return f"file-{fingerprint_of(root)[:16]}"


def fingerprint_of(root: Authority) -> str:
    """Its SHA-256 fingerprint."""
    return fingerprint(load_certificate(root.certificate, "root"))


def der(pem: str) -> bytes:
    """The first certificate of a PEM text."""
    return load_certificate(pem, "certificate").public_bytes(Encoding.DER)
