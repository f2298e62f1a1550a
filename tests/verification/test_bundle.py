"""The files of `cacerts` are verified with real signatures, and each fault is told apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import CertificateError
from meshfleet.verification.bundle import certificates, verify_authority

pytestmark = pytest.mark.proof("every cluster's authority chains to its mesh's root", step=0)


def files(signing: Any, root: Any, *between: Any) -> dict[str, bytes]:
    return {
        "ca-cert.pem": signing.pem,
        "ca-key.pem": signing.key_pem,
        "root-cert.pem": root.pem,
        "cert-chain.pem": b"".join(a.pem for a in (signing, *between, root)),
    }


def test_an_intermediate_of_the_root_is_an_authority(authority: Any, now: datetime) -> None:
    root = authority("root", days=(-1, 900))
    signing = authority("west", root, path_length=0)
    verified = verify_authority(files(signing, root), now)
    assert (verified.subject, verified.root_subject) == ("CN=west", "CN=root")
    assert verified.root_fingerprint == root.fingerprint
    assert verified.expires == signing.certificate.not_valid_after_utc


def test_a_chain_through_a_middle_authority_is_followed(authority: Any, now: datetime) -> None:
    root = authority("root")
    middle = authority("middle", root, path_length=1)
    signing = authority("west", middle, path_length=0)
    assert verify_authority(files(signing, root, middle), now).root_fingerprint == root.fingerprint


def test_a_root_that_signs_itself_is_an_authority_of_its_own(authority: Any, now: datetime) -> None:
    root = authority("root")
    assert verify_authority(files(root, root), now).root_fingerprint == root.fingerprint


def test_the_keys_of_a_tls_secret_are_read_as_well(authority: Any, now: datetime) -> None:
    root = authority("root")
    signing = authority("west", root)
    secret = {"tls.crt": signing.pem, "tls.key": signing.key_pem, "ca.crt": root.pem}
    assert verify_authority(secret, now).root_fingerprint == root.fingerprint


def test_one_of_several_roots_is_enough(authority: Any, now: datetime) -> None:
    old, new = authority("old"), authority("new")
    signing = authority("west", new)
    bundle = files(signing, new) | {"root-cert.pem": old.pem + new.pem}
    verified = verify_authority(bundle, now)
    assert verified.root_fingerprint == new.fingerprint
    assert verified.trusted == (old.fingerprint, new.fingerprint)


def other_root(authority: Any) -> dict[str, bytes]:
    return files(authority("west", authority("root")), authority("root"))


def other_key(authority: Any) -> dict[str, bytes]:
    root = authority("root")
    return files(authority("west", root), root) | {"ca-key.pem": authority("x").key_pem}


def with_signing(authority: Any, **how: Any) -> dict[str, bytes]:
    root = authority("root", days=(-10, 900))
    return files(authority("west", root, **how), root)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (other_root, "CN=west is not signed by a root of this Secret: its issuer is CN=root"),
        (other_key, "ca-key.pem is not the key of ca-cert.pem"),
        (lambda a: with_signing(a, days=(-9, -1)), "CN=west expired on 2026-11-22; `meshfleet up` renews it"),
        (lambda a: with_signing(a, days=(2, 9)), "CN=west is not valid before 2026-11-25"),
        (lambda a: with_signing(a, ca=False), "CA:false"),
        (lambda a: with_signing(a, ca=None), "no basicConstraints"),
        (lambda a: with_signing(a, signs=False), "keyCertSign"),
        (lambda a: {}, "cacerts has no ca-cert.pem, ca-key.pem, root-cert.pem; it contains no files"),
        (
            lambda a: {"ca-cert.pem": a("x").pem},
            "cacerts has no ca-key.pem, root-cert.pem; it contains ca-cert.pem",
        ),
        (lambda a: other_key(a) | {"ca-cert.pem": b"nonsense"}, "ca-cert.pem contains no readable certificate"),
        (lambda a: other_key(a) | {"ca-key.pem": b"nonsense"}, "ca-key.pem contains no readable private key"),
        (
            lambda a: other_key(a) | {"root-cert.pem": b"nonsense"},
            "root-cert.pem contains no readable certificate",
        ),
    ],
)
def test_each_fault_is_named(authority: Any, now: datetime, make: Callable[[Any], dict[str, bytes]], told: str) -> None:
    with pytest.raises(CertificateError) as raised:
        verify_authority(make(authority), now)
    assert told in str(raised.value)


def test_an_expired_root_is_named_even_when_the_intermediate_is_good(authority: Any, now: datetime) -> None:
    root = authority("root", days=(-9, -1))
    with pytest.raises(CertificateError, match="CN=root expired"):
        verify_authority(files(authority("west", root), root), now)


def test_more_authorities_than_the_path_length_allows_are_refused(authority: Any, now: datetime) -> None:
    root = authority("root", path_length=0)
    middle = authority("middle", root)
    signing = authority("west", middle)
    with pytest.raises(CertificateError, match="CN=root allows 0 authorities below it and has 1"):
        verify_authority(files(middle, root), now)
    with pytest.raises(CertificateError, match="CN=root allows 0 authorities below it and has 2"):
        verify_authority(files(signing, root, middle), now)


def test_no_key_appears_in_an_error(authority: Any, now: datetime) -> None:
    bundle = other_key(authority)
    bundle["ca-key.pem"] = bundle["ca-key.pem"][:60] + b"!" + bundle["ca-key.pem"][61:]
    with pytest.raises(CertificateError) as raised:
        verify_authority(bundle, now)
    assert bundle["ca-key.pem"].splitlines()[1].decode()[:20] not in f"{raised.value!r} {raised.value.__cause__!r}"


@given(st.binary(max_size=80))
def test_any_bytes_are_certificates_or_refused_by_the_files_name(pem: bytes) -> None:
    with pytest.raises(CertificateError, match=r"root-cert\.pem"):
        certificates(pem, "root-cert.pem")
