"""The certificate of a portal: an authority of its own, which its users trust, and what that signs for each start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.errors import FileError
from meshfleet.files import read_text, write_file

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_AUTHORITY_DAYS: Final = 3650
_SERVING_DAYS: Final = 365
_RENEWED_DAYS: Final = 120


@dataclass(frozen=True)
class ServingCertificate:
    """PEM texts; `authority` signs `certificate`, whose key is a secret."""

    authority: str
    certificate: str
    key: str = field(repr=False)


def serving_certificate(directory: Path, names: Sequence[str]) -> ServingCertificate:
    """The certificate for `names` (host names and IP addresses), the same until it is to be renewed.

    Raises FileError, also for an authority that is damaged: clients trust it, so that it is not replaced by itself.
    """
    wanted = "\n".join(names)
    texts = [read_text(directory / name) for name in ("authority.pem", "serving.pem", "serving.key", "serving.names")]
    if texts[0] and texts[1] and texts[2] and texts[3] == wanted and _serves(texts[1], texts[2]):
        return ServingCertificate(texts[0], texts[1], texts[2])
    made = _issued(directory, names)
    for name, text in (("serving.pem", made.certificate), ("serving.key", made.key), ("serving.names", wanted)):
        write_file(directory / name, text)
    return made


def _serves(pem: str, key_pem: str) -> bool:
    """Whether a certificate is one of this key, and holds for some time; a damaged one is issued again."""
    found = _pair(pem, key_pem)
    return found is not None and found[0].not_valid_after_utc - datetime.now(UTC) >= timedelta(days=_RENEWED_DAYS)


def _pair(pem: str, key_pem: str) -> tuple[x509.Certificate, EllipticCurvePrivateKey] | None:
    """A certificate and its key; None where one is damaged, or they are not of each other."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = load_pem_private_key(key_pem.encode(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.public_key() == key.public_key():
            return certificate, key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    return None


def _issued(directory: Path, names: Sequence[str]) -> ServingCertificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    pem, key_pem = read_text(directory / "authority.pem"), read_text(directory / "authority.key")
    if pem and key_pem:
        found = _pair(pem, key_pem)
        if found is None:
            raise FileError(
                f"{directory}: authority.pem and authority.key are damaged, or not of each other; remove both and run "
                "meshfleet up, which makes another authority, which clients have to trust"
            )
        authority, authority_key = found
    else:
        authority_key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        name = _name("meshfleet portal authority")
        authority = (
            _builder(authority_key, name, name, _AUTHORITY_DAYS)
            .add_extension(constraints, critical=True)
            .sign(authority_key, SHA256())
        )
        pem = _pem(authority)
        write_file(directory / "authority.key", _key_pem(authority_key))
        write_file(directory / "authority.pem", pem)
    key = ec.generate_private_key(ec.SECP256R1())
    known = [x509.IPAddress(ip_address(one)) if _is_ip(one) else x509.DNSName(one) for one in names]
    certificate = (
        _builder(key, _name("meshfleet portal"), authority.subject, _SERVING_DAYS)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, SHA256())
    )
    return ServingCertificate(pem, _pem(certificate), _key_pem(key))


def _builder(key: EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    # Clocks of clients may be behind.
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
