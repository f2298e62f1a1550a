"""What root and intermediate certificates say, and when a chain is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.certificate_reading import (
    algorithm_of,
    load_certificate,
    load_private_key,
    verify_chain,
)
from meshfleet.plugins.meshfleet.certificates import (
    Authority,
    IntermediateSpec,
    RootSpec,
    create_intermediate,
    create_root,
    fingerprint,
    not_after,
    renew_root,
)
from tests.examples import up_to

pytestmark = pytest.mark.proof("root and intermediate certificates as Istio's own recipe", step=0)

NOW = datetime(2026, 11, 23, 9, 30, 15, 250000, tzinfo=UTC)


def root_spec(algorithm: str = "ecdsa-p256", days: int = 3650) -> RootSpec:
    return RootSpec("mesh1 Root CA", "Istio", algorithm, days)


def intermediate_spec(algorithm: str = "ecdsa-p256", days: int = 730, cluster: str = "west") -> IntermediateSpec:
    return IntermediateSpec(cluster, "Istio", algorithm, days, "istio-system")


@pytest.fixture(scope="module", params=["ecdsa-p256", "rsa-4096"])
def pair(request: pytest.FixtureRequest) -> tuple[str, Authority, Authority]:
    """Algorithm, root and intermediate; made once, RSA keys take a second each."""
    root = create_root(root_spec(request.param), NOW)
    return request.param, root, create_intermediate(root, intermediate_spec(request.param), NOW)


def key_usage(certificate: x509.Certificate) -> x509.Extension[x509.KeyUsage]:
    return certificate.extensions.get_extension_for_class(x509.KeyUsage)


def test_a_root_is_a_critical_authority_that_signs_itself(pair: tuple[str, Authority, Authority]) -> None:
    algorithm, root, _ = pair
    certificate = load_certificate(root.certificate, "root")
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=None)
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=mesh1 Root CA,O=Istio"
    assert algorithm_of(certificate) == algorithm
    certificate.verify_directly_issued_by(certificate)


def test_an_intermediate_names_its_cluster_and_its_istiod_and_signs_leaves_only(
    pair: tuple[str, Authority, Authority],
) -> None:
    _, root, intermediate = pair
    certificate = load_certificate(intermediate.certificate, "intermediate")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["istiod.istio-system.svc"]
    assert [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.LOCALITY_NAME)] == ["west"]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    issued_by = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    issuer = load_certificate(root.certificate, "root")
    assert issued_by == issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_key_usage_is_that_of_the_recipe_and_leaves_out_encipherment_for_elliptic_curves(
    pair: tuple[str, Authority, Authority],
) -> None:
    algorithm, root, intermediate = pair
    for authority in (root, intermediate):
        usage = key_usage(load_certificate(authority.certificate, "certificate"))
        assert usage.critical
        assert usage.value.digital_signature
        assert usage.value.content_commitment
        assert usage.value.key_cert_sign
        assert usage.value.key_encipherment == (algorithm == "rsa-4096")


def test_keys_are_pkcs8_and_of_the_algorithm_requested(pair: tuple[str, Authority, Authority]) -> None:
    algorithm, root, intermediate = pair
    for authority in (root, intermediate):
        assert authority.private_key.startswith("-----BEGIN PRIVATE KEY-----\n")
        key = load_private_key(authority.private_key, "privateKey")
        expected = rsa.RSAPrivateKey if algorithm == "rsa-4096" else ec.EllipticCurvePrivateKey
        assert isinstance(key, expected)
        assert key.key_size == (4096 if algorithm == "rsa-4096" else 256)


def test_a_chain_leads_to_its_root_and_to_no_other(pair: tuple[str, Authority, Authority]) -> None:
    _, root, intermediate = pair
    verify_chain(intermediate.certificate + root.certificate, root.certificate, NOW)
    stranger = create_root(root_spec(), NOW)
    with pytest.raises(CertificateError, match="does not lead to the root CN=mesh1 Root CA,O=Istio with fingerprint"):
        verify_chain(intermediate.certificate + root.certificate, stranger.certificate, NOW)


def test_a_workload_certificate_is_verified_through_the_intermediate() -> None:
    root = create_root(root_spec(), NOW)
    intermediate = create_intermediate(root, intermediate_spec(), NOW)
    leaf = workload_certificate(intermediate, authority=False)
    verify_chain(leaf + intermediate.certificate, root.certificate, NOW)
    with pytest.raises(CertificateError, match="does not lead to the root"):
        verify_chain(leaf, root.certificate, NOW)


def test_an_intermediate_cannot_make_another_authority() -> None:
    root = create_root(root_spec(), NOW)
    intermediate = create_intermediate(root, intermediate_spec(), NOW)
    second = workload_certificate(intermediate, authority=True)
    third = workload_certificate(Authority(second, intermediate.private_key), authority=False)
    with pytest.raises(CertificateError, match="does not lead to the root"):
        verify_chain(third + second + intermediate.certificate, root.certificate, NOW)


def test_a_renewed_root_keeps_key_and_subject_so_that_its_intermediates_stay_valid() -> None:
    old = create_root(root_spec(days=800), NOW)
    intermediate = create_intermediate(old, intermediate_spec(days=730), NOW)
    new = renew_root(old, root_spec(days=3650), NOW + timedelta(days=700))
    assert new.private_key == old.private_key
    assert new.certificate != old.certificate
    verify_chain(intermediate.certificate, new.certificate, NOW + timedelta(days=705))


def test_an_intermediate_never_outlives_its_root() -> None:
    root = create_root(root_spec(days=100), NOW)
    intermediate = create_intermediate(root, intermediate_spec(days=730), NOW)
    assert not_after(load_certificate(intermediate.certificate, "i")) == not_after(
        load_certificate(root.certificate, "r")
    )


@pytest.mark.parametrize(
    ("when", "message"), [(-1, "not valid before .*; correct the clock of this machine"), (731, "expired on")]
)
def test_a_chain_outside_its_validity_is_refused(when: int, message: str) -> None:
    root = create_root(root_spec(), NOW)
    intermediate = create_intermediate(root, intermediate_spec(), NOW)
    with pytest.raises(CertificateError, match=message):
        verify_chain(intermediate.certificate, root.certificate, NOW + timedelta(days=when))


def test_an_intermediate_is_not_issued_by_an_expired_root_or_with_a_foreign_key() -> None:
    root = create_root(root_spec(days=10), NOW)
    with pytest.raises(CertificateError, match="rootCertificate: CN=mesh1 Root CA,O=Istio expired on 2026-12-03"):
        create_intermediate(root, intermediate_spec(), NOW + timedelta(days=11))
    foreign = create_root(root_spec(), NOW)
    with pytest.raises(CertificateError, match="rootPrivateKey: this key does not belong to the certificate"):
        create_intermediate(Authority(root.certificate, foreign.private_key), intermediate_spec(), NOW)


def test_no_message_or_repr_repeats_a_private_key() -> None:
    root = create_root(root_spec(), NOW)
    body = root.private_key.splitlines()[1]
    assert body not in repr(root)
    for wrong in (root.private_key, root.private_key.replace("PRIVATE KEY", "CERTIFICATE")):
        with pytest.raises(CertificateError) as caught:
            load_certificate(wrong, "certificate")
        assert body[:16] not in str(caught.value)
        assert caught.value.__suppress_context__
    with pytest.raises(CertificateError) as caught:
        load_private_key(root.private_key[:60], "privateKey")
    assert body[:16] not in str(caught.value)


def test_an_unknown_algorithm_is_named_with_those_allowed() -> None:
    with pytest.raises(CertificateError, match="algorithm: 'md5' is not known; allowed: ecdsa-p256, rsa-4096"):
        create_root(root_spec("md5"), NOW)


@up_to(25)
@given(
    root_days=st.integers(1, 36500),
    days=st.integers(1, 36500),
    now=st.timedeltas(timedelta(days=-9000), timedelta(days=27000)).map(lambda distance: NOW + distance),
    cluster=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30),
)
def test_whatever_is_issued_verifies_during_its_validity_and_ends_when_it_says(
    root_days: int, days: int, now: datetime, cluster: str
) -> None:
    root = create_root(root_spec(days=root_days), now)
    intermediate = create_intermediate(root, intermediate_spec(days=days, cluster=cluster), now)
    certificate = load_certificate(intermediate.certificate, "certificate")
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert end == now.replace(microsecond=0) + timedelta(days=min(days, root_days))
    for moment in (start, now, end):
        verify_chain(intermediate.certificate, root.certificate, moment)
    for moment in (start - timedelta(seconds=1), end + timedelta(seconds=1)):
        with pytest.raises(CertificateError):
            verify_chain(intermediate.certificate, root.certificate, moment)
    assert len(fingerprint(certificate)) == 64


def workload_certificate(issuer: Authority, authority: bool) -> str:
    """A certificate as an istiod makes it, or one that it must not make, signed with the issuer's key."""
    signer = load_private_key(issuer.private_key, "privateKey")
    name = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/sample/sa/sleep")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inner")]))
        .issuer_name(load_certificate(issuer.certificate, "issuer").subject)
        .public_key(signer.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(minutes=2))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(key_usage(load_certificate(issuer.certificate, "issuer")).value, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
