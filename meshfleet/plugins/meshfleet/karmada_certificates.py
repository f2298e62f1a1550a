"""The certificates of a control plane of Karmada below the root of a mesh, as pure functions: PEM out.

Two certificate authorities are intermediates of the root: one for servers and clients, one for the front proxy. Each is
what its users trust, in place of the root, so that no certificate of a workload convinces Karmada. And none of theirs
convinces a mesh: their name constraints permit the names of Karmada's Services and no SPIFFE identity, since the key of
the first one is in the cluster, where Karmada's kube-controller-manager signs with it.

Keys are kept when a certificate is issued again: pods that have the old certificates and pods that have the new ones
then trust each other, and tokens that were signed with the key of the server stay valid. EC keys are SEC 1, the only
form of them in which kube-apiserver reads the public key for those tokens.

Sources: charts/karmada/templates/pre-install-job.yaml of karmada-io/karmada v1.18.2 for subjects and uses, and
https://datatracker.ietf.org/doc/html/rfc5280#section-4.2.1.10 for name constraints
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.certificate_reading import (
    PrivateKey,
    algorithm_of,
    load_certificate,
    load_private_key,
    require_matching_key,
    require_valid_at,
)
from meshfleet.plugins.meshfleet.certificates import CLOCK_SKEW, Authority, new_key, pem_of, whole_seconds

PAIRS: Final = {
    "authorityCertificate": "authorityKey",
    "certificate": "privateKey",
    "clientCertificate": "clientKey",
    "frontProxyAuthorityCertificate": "frontProxyAuthorityKey",
    "frontProxyCertificate": "frontProxyKey",
}
"""The outputs with a certificate, and those with its key."""
NOTHING: Final = "meshfleet.invalid"
"""A name that nothing has (RFC 2606): the only one that is permitted where none is needed."""
FRONT_PROXY: Final = "front-proxy-client"
"""The name that `--requestheader-allowed-names` of Karmada's API servers has."""
_ADMINISTRATORS: Final = "system:masters"


@dataclass(frozen=True)
class KarmadaSpec:
    """What the certificates say; `cluster` is the host, `namespace` that of the release."""

    cluster: str
    namespace: str
    algorithm: str
    validity_days: int


def server_names(namespace: str) -> list[x509.GeneralName]:
    """The names of Karmada's servers: its Services, as certificates that the chart makes have them, and this machine.

    No address is among them: clients from outside ask for the name of the Service, wherever they reach it.
    """
    services = [f"*.{namespace}.svc", f"*.{namespace}.svc.cluster.local", f"*.etcd.{namespace}.svc.cluster.local"]
    return [*map(x509.DNSName, (*services, "localhost")), x509.IPAddress(ip_address("127.0.0.1"))]


def permitted_names(namespace: str) -> list[x509.GeneralName]:
    """What the authority for servers and clients may sign names of."""
    return [
        *map(x509.DNSName, (f"{namespace}.svc", f"{namespace}.svc.cluster.local", "localhost")),
        x509.IPAddress(ip_network("127.0.0.1/32")),
        x509.UniformResourceIdentifier(NOTHING),
    ]


def permitted_to_front_proxy() -> list[x509.GeneralName]:
    """What the authority of the front proxy may sign names of: nothing that exists."""
    return [
        x509.DNSName(NOTHING),
        x509.IPAddress(ip_network("0.0.0.0/32")),
        x509.UniformResourceIdentifier(NOTHING),
    ]


def issue(root: Authority, spec: KarmadaSpec, now: datetime, kept: Mapping[str, str]) -> dict[str, str]:
    """All certificates and keys, by the names in `PAIRS`. Keys in `kept` are used again where they are of that kind.

    All end together, and none outlives the root. Raises CertificateError when the root is damaged, not valid at `now`,
    or its key does not belong to it.
    """
    issuer = load_certificate(root.certificate, "rootCertificate")
    signer = load_private_key(root.private_key, "rootPrivateKey")
    require_matching_key(issuer, signer, "rootPrivateKey")
    require_valid_at(issuer, now, "rootCertificate")
    keys = {name: _key(spec.algorithm, kept.get(name)) for name in PAIRS.values()}
    end = expiry(issuer, spec, now)

    def authority(name: str, key: PrivateKey, permitted: Sequence[x509.GeneralName]) -> x509.Certificate:
        builder = _builder(authority_subject(spec, name), issuer.subject, key, now, end, signs=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True
        )
        return _signed(builder, signer)

    def leaf(by: x509.Certificate, key: str, above: str, subject: x509.Name, *server: x509.GeneralName) -> str:
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])]
        builder = (
            _builder(subject, by.subject, keys[key], now, end, signs=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        if server:
            builder = builder.add_extension(x509.SubjectAlternativeName(server), critical=False)
        return pem_of(_signed(builder, keys[above]))

    own = authority("Karmada CA", keys["authorityKey"], permitted_names(spec.namespace))
    front = authority("Karmada front proxy CA", keys["frontProxyAuthorityKey"], permitted_to_front_proxy())
    names = server_names(spec.namespace)
    server, client = (_administrator(name) for name in ("system:admin", "meshfleet"))
    proxy = _subject((NameOID.COMMON_NAME, FRONT_PROXY))
    found = {
        "authorityCertificate": pem_of(own),
        "certificate": leaf(own, "privateKey", "authorityKey", server, *names),
        "clientCertificate": leaf(own, "clientKey", "authorityKey", client),
        "frontProxyAuthorityCertificate": pem_of(front),
        "frontProxyCertificate": leaf(front, "frontProxyKey", "frontProxyAuthorityKey", proxy),
    }
    return found | {name: _key_pem(key) for name, key in keys.items()}


def authority_subject(spec: KarmadaSpec, name: str) -> x509.Name:
    """`CN=<name>, L=<cluster>`, which never changes: an authority that is issued again has to have the same name."""
    return _subject((NameOID.COMMON_NAME, name), (NameOID.LOCALITY_NAME, spec.cluster))


def expiry(root: x509.Certificate, spec: KarmadaSpec, now: datetime) -> datetime:
    """When certificates issued at `now` expire: their own validity, cut at the end of the root."""
    return min(whole_seconds(now) + timedelta(days=spec.validity_days), root.not_valid_after_utc)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, end: datetime, *, signs: bool
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=isinstance(key, rsa.RSAPrivateKey) and not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(whole_seconds(now) - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, signer: PrivateKey) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(identifier, critical=False).sign(signer, hashes.SHA256())


def _administrator(name: str) -> x509.Name:
    return _subject((NameOID.ORGANIZATION_NAME, _ADMINISTRATORS), (NameOID.COMMON_NAME, name))


def _subject(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _key(algorithm: str, kept: str | None) -> PrivateKey:
    if kept:
        try:
            key = load_private_key(kept, "key")
        except CertificateError:
            return new_key(algorithm)
        if algorithm_of(key) == algorithm:
            return key
    return new_key(algorithm)


def _key_pem(key: PrivateKey) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
