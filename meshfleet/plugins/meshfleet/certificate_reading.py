"""Reading certificates and keys, and judging whether they belong together.

Path validation is that of RFC 5280 (https://datatracker.ietf.org/doc/html/rfc5280#section-6) as
`cryptography.x509.verification` implements it. No message repeats a PEM text, and no error keeps its cause
(`from None`): what was given as a certificate may be a private key put into the wrong place.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification

from meshfleet.errors import CertificateError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ALGORITHMS: Final = ("ecdsa-p256", "rsa-4096")


def algorithm_of(certificate: x509.Certificate | PrivateKey) -> str:
    """One of `ALGORITHMS`, or `other` for a key this program does not make."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa-p256"
    return "rsa-4096" if isinstance(key, rsa.RSAPublicKey) and key.key_size == 4096 else "other"


def not_after(certificate: x509.Certificate) -> str:
    """The end of validity as RFC 3339 in UTC, such as `2036-11-20T09:00:00Z`."""
    return timestamp(certificate.not_valid_after_utc)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form, 64 hexadecimal digits: what `openssl x509 -fingerprint -sha256` shows."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def key_identifier(certificate: x509.Certificate) -> str:
    """The subject key identifier in hexadecimal; the same for all certificates of one key."""
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest.hex()


def load_certificate(pem: str, path: str) -> x509.Certificate:
    """The first certificate of a PEM text; CertificateError names the field `path` if it is damaged."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise CertificateError(
            f"{path}: a text of {len(pem)} characters is not a certificate in PEM form; restore it or issue it again"
        ) from None


def load_certificates(pem: str, path: str) -> list[x509.Certificate]:
    """All certificates of a PEM text, at least one; CertificateError names the field `path` if one is damaged."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise CertificateError(
            f"{path}: a text of {len(pem)} characters is not a list of certificates in PEM form; "
            "restore it or issue it again"
        ) from None


def load_private_key(pem: str, path: str) -> PrivateKey:
    """The private key of a PEM text without a password; CertificateError names `path` and never the text."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError(
            f"{path}: a text of {len(pem)} characters (not shown) is not a private key in PEM form without a "
            f"password ({type(error).__name__}); restore it or issue a new one"
        ) from None
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise CertificateError(f"{path}: a {type(key).__name__} is not supported; allowed: {', '.join(ALGORITHMS)}")
    return key


def require_matching_key(certificate: x509.Certificate, key: PrivateKey, path: str) -> None:
    """Raise CertificateError unless `key` is the private key of `certificate`."""
    if certificate.public_key() != key.public_key():
        raise CertificateError(
            f"{path}: this key does not belong to the certificate {name_of(certificate)}; "
            "give the two that were issued together"
        )


def require_valid_at(certificate: x509.Certificate, now: datetime, path: str) -> None:
    """Raise CertificateError unless `now` lies within the validity of `certificate`."""
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            f"{path}: {name_of(certificate)} is not valid before "
            f"{timestamp(certificate.not_valid_before_utc)}, and now is {timestamp(now)}; "
            "correct the clock of this machine"
        )
    if now > certificate.not_valid_after_utc:
        raise CertificateError(
            f"{path}: {name_of(certificate)} expired on {not_after(certificate)}; run `up`, which issues it again"
        )


def verify_chain(chain: str, root: str, now: datetime) -> None:
    """Raise CertificateError unless the first certificate of `chain` leads to `root` at the time `now`.

    `chain` is PEM: a leaf or an intermediate, then the intermediates between it and the root; the root itself
    may follow. `root` is PEM and may hold several roots. Signatures, names, validity, path lengths and key
    usage are checked.
    """
    certificates = load_certificates(chain, "certificateChain")
    roots = load_certificates(root, "rootCertificate")
    for certificate in roots[:1] + certificates:
        require_valid_at(certificate, now, "certificateChain" if certificate in certificates else "rootCertificate")
    anything = verification.ExtensionPolicy.permit_all()
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(roots))
        .time(now)
        .extension_policies(ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=anything)
        .build_client_verifier()
    )
    first, *others = certificates
    if first in roots:
        return
    try:
        verifier.verify(first, others)
    except verification.VerificationError as error:
        raise CertificateError(
            f"certificateChain: {name_of(first)} (issued by {first.issuer.rfc4514_string()}) does not lead "
            f"to the root {name_of(roots[0])} with fingerprint {fingerprint(roots[0])}: {error}; "
            "issue it again from this root"
        ) from error


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer`'s key signed `certificate` under `issuer`'s name; validity is not looked at."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether other certificates may be signed with its key: CA:TRUE and, where uses are named, keyCertSign."""
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def name_of(certificate: x509.Certificate) -> str:
    """The subject in the usual text form, such as `L=west,CN=Intermediate CA,O=dev`."""
    return certificate.subject.rfc4514_string()
