"""Whether the files of a `cacerts` Secret are a working certificate authority: the cryptography, no cluster.

Source of the file names and rules: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
and security/pkg/pki/util/keycertbundle.go; of the path rules RFC 5280, section 6.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from meshfleet.errors import CertificateError

LONGEST_CHAIN = 8
"""Steps from a signing certificate to its root; more is a loop or a mistake."""


@dataclass(frozen=True)
class Authority:
    """A verified authority: its subject, the root it chains to, and when the first certificate of the chain expires.

    `trusted` are the fingerprints of all roots in `root-cert.pem`, in the order of the file.
    """

    subject: str
    root_subject: str
    root_fingerprint: str
    expires: datetime
    trusted: tuple[str, ...]


def verify_authority(files: Mapping[str, bytes], now: datetime) -> Authority:
    """Verify the files of `cacerts`: key, signatures up to one root, dates, and what each may sign.

    `now` carries a time zone. Raises CertificateError naming the file or the certificate at fault.
    """
    # A Secret of type kubernetes.io/tls, as cert-manager writes it, is read by istiod just as well.
    tls = "ca-cert.pem" not in files and "tls.crt" in files
    names = ("tls.crt", "tls.key", "ca.crt") if tls else ("ca-cert.pem", "ca-key.pem", "root-cert.pem")
    missing = [name for name in names if not files.get(name)]
    if missing:
        raise CertificateError(
            f"cacerts has no {', '.join(missing)}; it contains {', '.join(sorted(files)) or 'no files'}"
        )
    signing, key, root = (files[name] for name in names)
    own = certificates(signing, names[0])
    roots = certificates(root, names[2])
    chain = certificates(files["cert-chain.pem"], "cert-chain.pem") if files.get("cert-chain.pem") else []
    _require_key(own[0], key, names)
    path = _path(own[0], [*own[1:], *chain], roots)
    for below, certificate in enumerate(path):
        _require_current(certificate, now)
        _require_authority(certificate, below)
    return Authority(
        subject=_name(path[0]),
        root_subject=_name(path[-1]),
        root_fingerprint=fingerprint(path[-1]),
        expires=min(certificate.not_valid_after_utc for certificate in path),
        trusted=tuple(map(fingerprint, roots)),
    )


def certificates(pem: bytes, file: str) -> list[x509.Certificate]:
    """The certificates of a PEM file, in order. Raises CertificateError when there is none or it is damaged."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"{file} contains no readable certificate") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of the certificate's DER form, 64 lower-case hex digits."""
    return certificate.fingerprint(SHA256()).hex()


def _require_key(certificate: x509.Certificate, pem: bytes, names: Sequence[str]) -> None:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The cause may quote the file, and the file is a key.
        raise CertificateError(f"{names[1]} contains no readable private key ({type(error).__name__})") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise CertificateError(f"{names[1]} is not the key of {names[0]} ({_name(certificate)})")


def _path(
    signing: x509.Certificate, given: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    path = [signing]
    while path[-1] not in roots:
        issuer = _issuer(path[-1], [*roots, *given])
        if issuer is None:
            raise CertificateError(
                f"{_name(path[-1])} is not signed by a root of this Secret: its issuer is {_issuer_name(path[-1])},  "
                f"the roots are {', '.join(_name(root) for root in roots)}"
            )
        path.append(issuer)
        if len(path) > LONGEST_CHAIN:
            raise CertificateError(f"{_name(signing)} reaches no root within {LONGEST_CHAIN} certificates")
    if not _signed(path[-1], path[-1]):
        raise CertificateError(f"the root {_name(path[-1])} is not self-signed")
    return path


def _issuer(certificate: x509.Certificate, candidates: Sequence[x509.Certificate]) -> x509.Certificate | None:
    return next((c for c in candidates if c != certificate and _signed(certificate, c)), None)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _require_current(certificate: x509.Certificate, now: datetime) -> None:
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            f"{_name(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: "
            "correct the clock of this machine, or run `meshfleet up`, which reissues the certificate"
        )
    if now >= certificate.not_valid_after_utc:
        raise CertificateError(
            f"{_name(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; `meshfleet up` renews it"
        )


def _require_authority(certificate: x509.Certificate, below: int) -> None:
    """Whether it may sign at all, and with `below` authorities under it."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise CertificateError(
            f"{_name(certificate)} is not a certificate authority: it has no basicConstraints"
        ) from None
    if not constraints.ca:
        raise CertificateError(f"{_name(certificate)} is not a certificate authority: basicConstraints has CA:false")
    if constraints.path_length is not None and constraints.path_length < below:
        raise CertificateError(
            f"{_name(certificate)} allows {constraints.path_length} authorities below it and has {below}"
        )
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise CertificateError(f"{_name(certificate)} may not sign certificates: keyUsage has no keyCertSign")


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a subject"


def _issuer_name(certificate: x509.Certificate) -> str:
    return certificate.issuer.rfc4514_string() or "no issuer"
