"""A running istiod takes up another intermediate by itself; with other roots it is started again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshfleet.embedded.certificate_folder import read_files, replace_files
from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by
from meshfleet.plugins.meshfleet.certificates import Authority, create_intermediate
from meshfleet.processes.waiting import wait_until
from tests.plugins.meshfleet.conftest import MeshCluster
from tests.plugins.meshfleet.west import SPEC, West, istiod_of_west, new_root

pytestmark = pytest.mark.proof("a renewed intermediate is taken up by a running istiod", step=3)


def workload_of(intermediate: Authority, path: Path) -> Path:
    """Write the key, the certificate and the chain of a workload that this authority has signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    issuer = x509.load_pem_x509_certificate(intermediate.certificate.encode())
    signer = serialization.load_pem_private_key(intermediate.private_key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    identity = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/sample/sa/visitor")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([identity]), critical=True)
        .sign(signer, hashes.SHA256())
    )
    encodings = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(*encodings) + certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(pem + intermediate.certificate.encode())
    return path


@pytest.fixture
def west(mesh_cluster: MeshCluster) -> Iterator[West]:
    with istiod_of_west(mesh_cluster) as made:
        yield made


def test_a_renewed_intermediate_is_served_at_once_by_the_same_process(west: West) -> None:
    root = new_root("a")
    first = west.give(root)
    assert is_issued_by(west.served, first)
    process = west.process

    for _ in range(3):
        renewed = west.give(root)
        assert is_issued_by(west.served, renewed)
        assert not is_issued_by(west.served, first)
    assert west.process == process


def test_the_files_are_those_of_one_authority_and_nobody_elses_to_read(west: West) -> None:
    root = new_root("a")
    west.give(root)
    west.give(root)
    folder = west.directory / "certificates"
    assert read_files(folder).keys() == {"ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"}
    assert read_files(folder)["ca-key.pem"] == west.inputs["certificateAuthority"]["caKey"]
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path
    # Nothing of the key before is left.
    assert len([path for path in folder.rglob("ca-key.pem") if not path.is_symlink()]) == 1


def test_another_root_that_signs_is_taken_up_where_both_are_trusted_already(west: West) -> None:
    one, other = new_root("a"), new_root("b")
    west.give(one, other)
    process = west.process
    intermediate = west.give(other, one)
    assert is_issued_by(west.served, intermediate)
    assert west.process == process


@pytest.mark.parametrize(
    "roots",
    [
        pytest.param(lambda one, other: (one, other), id="one more"),
        pytest.param(lambda one, other: (other,), id="another one"),
    ],
)
def test_with_other_roots_it_is_started_again(
    west: West, roots: Callable[[Authority, Authority], tuple[Authority, ...]]
) -> None:
    one, other = new_root("a"), new_root("b")
    west.give(one)
    process = west.process
    intermediate = west.give(*roots(one, other))
    assert is_issued_by(west.served, intermediate)
    assert west.process != process


def test_one_that_does_not_look_at_its_files_is_started_again(west: West, monkeypatch: pytest.MonkeyPatch) -> None:
    root = new_root("a")
    west.give(root)
    process = west.process
    # It watches the folder that was there when it started, and no other one of that name.
    folder = west.directory / "certificates"
    shutil.copytree(folder, west.directory / "other", symlinks=True)
    shutil.rmtree(folder)
    (west.directory / "other").rename(folder)
    monkeypatch.setattr("meshfleet.embedded.istiod._RELOAD_SECONDS", 1.0)
    intermediate = west.give(root)
    assert is_issued_by(west.served, intermediate)
    assert west.process != process


def test_a_running_istiod_takes_up_a_further_root_but_turns_away_whoever_comes_with_its_certificate(
    west: West, tmp_path: Path
) -> None:
    """Why it is started again with other roots; once Istio does better, this fails and that can go."""
    one, other = new_root("a"), new_root("b")
    west.give(one)
    visitor = workload_of(create_intermediate(other, SPEC, datetime.now(UTC)), tmp_path / "visitor.pem")
    assert not west.lets_in(visitor)

    replace_files(
        west.directory / "certificates",
        read_files(west.directory / "certificates") | {"root-cert.pem": one.certificate + other.certificate},
    )
    wait_until(west.require_given(other), "the new root to be given to workloads", 20, "check its log")
    assert not west.lets_in(visitor)

    west.give(one)
    west.give(one, other)
    assert west.lets_in(visitor)
