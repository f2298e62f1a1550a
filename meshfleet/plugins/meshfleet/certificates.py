"""Certificate authorities as pure functions: key and time in, PEM out.

The shape of the certificates is Istio's own recipe (https://github.com/istio/istio/blob/master/tools/certs):
a self-signed root with a critical `CA:TRUE`; for each cluster an intermediate with `pathlen:0`, organization,
`L=<cluster>` and the DNS name of its istiod. Two things differ, both on purpose: ECDSA P-256 is the default,
and its certificates leave out `keyEncipherment`, which RFC 8813 section 3 forbids for elliptic curve keys.

istiod reads PKCS#8, PKCS#1 and SEC 1 keys (istio.io/istio/security/pkg/pki/util/crypto.go); these are PKCS#8.
Reading and judging certificates lives in `certificate_reading.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.certificate_reading import (
    ALGORITHMS,
    PrivateKey,
    fingerprint,
    load_certificate,
    load_private_key,
    not_after,
    require_matching_key,
    require_valid_at,
    verify_chain,
)

# Clusters' clocks differ a little; istiod gives its own certificates the same head start
# (ClockSkewGracePeriod in istio.io/istio/security/pkg/pki/util/generate_cert.go).
CLOCK_SKEW: Final = timedelta(minutes=2)


@dataclass(frozen=True)
class RootSpec:
    """What a root certificate says. `validity_days` counts from the moment of issue."""

    common_name: str
    organization: str
    algorithm: str
    validity_days: int


@dataclass(frozen=True)
class IntermediateSpec:
    """What the intermediate of one cluster says; `namespace` is the one its istiod runs in."""

    cluster: str
    organization: str
    algorithm: str
    validity_days: int
    namespace: str


@dataclass(frozen=True)
class Authority:
    """A CA certificate and its private key, both PEM; the key never shows in a repr."""

    certificate: str
    private_key: str = field(repr=False)


def create_root(spec: RootSpec, now: datetime) -> Authority:
    """A new self-signed root with a new key. `now` carries a time zone."""
    return _sign_root(new_key(spec.algorithm), spec, now)


def renew_root(root: Authority, spec: RootSpec, now: datetime) -> Authority:
    """The same key and subject with a new validity: what the old root has issued stays valid.

    Raises CertificateError when the key cannot be read.
    """
    return _sign_root(load_private_key(root.private_key, "privateKey"), spec, now)


def create_intermediate(root: Authority, spec: IntermediateSpec, now: datetime) -> Authority:
    """A new key and certificate for one cluster, signed by `root` and never outliving it.

    Raises CertificateError when the root is damaged, not valid at `now`, or its key does not belong to it.
    """
    issuer = load_certificate(root.certificate, "rootCertificate")
    signer = load_private_key(root.private_key, "rootPrivateKey")
    require_matching_key(issuer, signer, "rootPrivateKey")
    require_valid_at(issuer, now, "rootCertificate")
    key = new_key(spec.algorithm)
    builder = (
        _builder(intermediate_subject(spec), issuer.subject, key, now, intermediate_expiry(issuer, spec, now))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(istiod_name(spec.namespace))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return Authority(pem_of(builder.sign(signer, hashes.SHA256())), _key_pem(key))


def root_subject(spec: RootSpec) -> x509.Name:
    """`O=<organization>, CN=<common name>`."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, spec.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, spec.common_name),
        ]
    )


def intermediate_subject(spec: IntermediateSpec) -> x509.Name:
    """`O=<organization>, CN=Intermediate CA, L=<cluster>`."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, spec.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, "Intermediate CA"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, spec.cluster),
        ]
    )


def istiod_name(namespace: str) -> str:
    """The DNS name in an intermediate: the Service of the istiod that uses it."""
    return f"istiod.{namespace}.svc"


def intermediate_expiry(root: x509.Certificate, spec: IntermediateSpec, now: datetime) -> datetime:
    """When an intermediate issued at `now` expires: its own validity, cut at the end of its root."""
    return min(whole_seconds(now) + timedelta(days=spec.validity_days), root.not_valid_after_utc)


def issued_at(certificate: x509.Certificate) -> datetime:
    """The moment of issue: the start of validity without the head start for clocks that run late."""
    return certificate.not_valid_before_utc + CLOCK_SKEW


def _sign_root(key: PrivateKey, spec: RootSpec, now: datetime) -> Authority:
    subject = root_subject(spec)
    expiry = whole_seconds(now) + timedelta(days=spec.validity_days)
    builder = _builder(subject, subject, key, now, expiry)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(pem_of(builder.sign(key, hashes.SHA256())), _key_pem(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, expiry: datetime
) -> x509.CertificateBuilder:
    """What root and intermediate have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(whole_seconds(now) - CLOCK_SKEW)
        .not_valid_after(expiry)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=isinstance(key, rsa.RSAPrivateKey),
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def new_key(algorithm: str) -> PrivateKey:
    if algorithm == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "rsa-4096":
        return rsa.generate_private_key(public_exponent=65537, key_size=4096)
    raise CertificateError(f"algorithm: {algorithm!r} is not known; allowed: {', '.join(ALGORITHMS)}")


def whole_seconds(moment: datetime) -> datetime:
    """X.509 times are UTC and have no fractions."""
    return moment.astimezone(UTC).replace(microsecond=0)


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKey) -> str:
    encryption = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


__all__ = [
    "ALGORITHMS",
    "CLOCK_SKEW",
    "Authority",
    "IntermediateSpec",
    "RootSpec",
    "create_intermediate",
    "create_root",
    "fingerprint",
    "intermediate_expiry",
    "intermediate_subject",
    "issued_at",
    "istiod_name",
    "load_certificate",
    "load_private_key",
    "not_after",
    "renew_root",
    "root_subject",
    "verify_chain",
]
