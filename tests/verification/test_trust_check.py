"""The roots of a mesh are one, known to its workloads, and no other mesh's."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import CertificateError
from meshfleet.verification import FleetView
from meshfleet.verification.checks import trust
from meshfleet.verification.injected_view import InjectedView
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof("every cluster's authority chains to its mesh's root", step=0)

SYSTEM = "/api/v1/namespaces/istio-system"


class Made:
    """Mesh1's root and west's authority, with the fleet that declares them."""

    def __init__(self, authority: Any, fleet: FleetView) -> None:
        self.root = authority("root", days=(-1, 100_000))
        self.signing = authority("west", self.root, days=(-1, 90_000))
        self.fleet = replace(
            fleet,
            meshes=(replace(fleet.meshes[0], root_fingerprint=self.root.fingerprint), fleet.meshes[1]),
        )
        self.files = {
            "ca-cert.pem": self.signing.pem,
            "ca-key.pem": self.signing.key_pem,
            "root-cert.pem": self.root.pem,
            "cert-chain.pem": self.signing.pem + self.root.pem,
        }
        self.given = {"root-cert.pem": self.root.pem.decode()}

    def judge(self, **change: Any) -> Any:
        fleet = change.get("fleet", self.fleet)
        cluster: ClusterView = change.get("cluster", fleet.clusters[0])
        return trust.judge(
            fleet,
            cluster,
            change.get("files", self.files),
            change.get("given", self.given),
            datetime.now(UTC),
        )


@pytest.fixture
def made(authority: Any, fleet: FleetView) -> Made:
    return Made(authority, fleet)


def test_one_root_in_secret_config_map_and_mesh_holds(made: Made) -> None:
    finding = made.judge()
    assert finding.passed
    assert finding.detail.startswith(f"CN=west signed by CN=root, root {made.root.fingerprint[:16]} as in mesh mesh1")


def test_a_cluster_with_another_root_does_not_hold(made: Made, authority: Any) -> None:
    other = authority("other")
    signing = authority("west", other)
    files = {"ca-cert.pem": signing.pem, "ca-key.pem": signing.key_pem, "root-cert.pem": other.pem}
    finding = made.judge(files=files)
    assert not finding.passed
    assert f"chains to root {other.fingerprint[:16]} (CN=other)" in finding.detail


def test_workloads_that_are_given_another_root_do_not_hold(made: Made, authority: Any) -> None:
    finding = made.judge(given={"root-cert.pem": authority("self-signed").pem.decode()})
    assert not finding.passed
    assert "restart its istiod" in finding.detail


def test_two_meshes_with_one_root_do_not_hold(made: Made) -> None:
    first, second = made.fleet.meshes
    shared = replace(made.fleet, meshes=(first, replace(second, root_fingerprint=first.root_fingerprint)))
    finding = made.judge(fleet=shared)
    assert not finding.passed
    assert "meshes mesh1 and mesh2 share the root" in finding.detail


def test_a_mesh_without_a_known_root_does_not_hold(made: Made) -> None:
    first, second = made.fleet.meshes
    finding = made.judge(fleet=replace(made.fleet, meshes=(replace(first, root_fingerprint=None), second)))
    assert not finding.passed
    assert "no rootFingerprint for mesh mesh1" in finding.detail


def test_a_remote_cluster_needs_only_the_root_for_its_workloads(made: Made) -> None:
    west = made.fleet.clusters[0]
    remote = replace(west, control_plane=replace(west.control_plane, kind="remote", of="east"))
    assert made.judge(cluster=remote, files={}).passed


def by_istio_csr(fleet: FleetView) -> ClusterView:
    """West, whose proxies request their certificates from istio-csr."""
    address = "cert-manager-istio-csr.istio-system.svc:443"
    return replace(fleet.clusters[0], injected=InjectedView({"caAddress": address}))


def test_where_istio_csr_signs_the_authority_of_its_issuer_is_judged(made: Made, authority: Any) -> None:
    files = {
        "tls.crt": made.signing.pem + made.root.pem,
        "tls.key": made.signing.key_pem,
        "root-cert.pem": made.root.pem,
    }
    west = by_istio_csr(made.fleet)
    assert trust.secret_of(west) == "istio-csr-authority"
    assert made.judge(cluster=west, files=trust.as_cacerts(files)).passed
    other = authority("other")
    wrong = files | {"tls.crt": authority("west", other).pem + other.pem, "root-cert.pem": other.pem}
    wrong["tls.key"] = authority("west", other).key_pem
    with pytest.raises(CertificateError):
        made.judge(cluster=west, files=trust.as_cacerts(wrong))
    finding = made.judge(cluster=west, files={}, given={"root-cert.pem": other.pem.decode()})
    assert "restart cert-manager-istio-csr if istio-csr-authority was changed" in finding.detail


class Rotating:
    """West half-way from one root to another: both are trusted, and one of them signs."""

    def __init__(self, authority: Any, fleet: FleetView) -> None:
        self.roots = {name: authority(name, days=(-1, 100_000)) for name in ("old", "new")}
        self.signing = {name: authority("west", root, days=(-1, 90_000)) for name, root in self.roots.items()}
        self.fleet = fleet

    def declared(self, *roots: str) -> FleetView:
        """The fleet with these roots, the first of which signs."""
        first, *others = (self.roots[name].fingerprint for name in roots)
        mesh = replace(self.fleet.meshes[0], root_fingerprint=first, other_roots=tuple(others))
        return replace(self.fleet, meshes=(mesh, self.fleet.meshes[1]))

    def bundle(self, *roots: str) -> bytes:
        return b"".join(self.roots[name].pem for name in roots)

    def judge(self, declared: tuple[str, ...], in_secret: tuple[str, ...], given: tuple[str, ...]) -> Any:
        signing = self.signing[in_secret[0]]
        files = {
            "ca-cert.pem": signing.pem,
            "ca-key.pem": signing.key_pem,
            "root-cert.pem": self.bundle(*in_secret),
            "cert-chain.pem": signing.pem + self.roots[in_secret[0]].pem,
        }
        fleet = self.declared(*declared)
        config_map = {"root-cert.pem": self.bundle(*given).decode()}
        return trust.judge(fleet, fleet.clusters[0], files, config_map, datetime.now(UTC))


STAGES = (("old",), ("old", "new"), ("new", "old"), ("new",))


@pytest.mark.parametrize("stage", STAGES, ids=" and ".join)
def test_every_stage_of_a_change_of_roots_holds(stage: tuple[str, ...], authority: Any, fleet: FleetView) -> None:
    finding = Rotating(authority, fleet).judge(stage, stage, stage)
    assert finding.passed, finding.detail
    assert f"CN=west signed by CN={stage[0]}, root" in finding.detail
    assert ("other roots" in finding.detail) == (len(stage) == 2)


@pytest.mark.parametrize("declared", STAGES, ids=" and ".join)
@pytest.mark.parametrize("loaded", STAGES, ids=" and ".join)
def test_an_istiod_that_is_at_another_stage_does_not_hold(
    declared: tuple[str, ...], loaded: tuple[str, ...], authority: Any, fleet: FleetView
) -> None:
    finding = Rotating(authority, fleet).judge(declared, declared, loaded)
    assert finding.passed == (declared == loaded)
    if declared != loaded:
        assert finding.detail.startswith("workloads of west have root ")


@pytest.mark.parametrize("declared", STAGES, ids=" and ".join)
@pytest.mark.parametrize("written", STAGES, ids=" and ".join)
def test_a_secret_of_another_stage_does_not_hold(
    declared: tuple[str, ...], written: tuple[str, ...], authority: Any, fleet: FleetView
) -> None:
    finding = Rotating(authority, fleet).judge(declared, written, declared)
    assert finding.passed == (declared == written)
    if declared != written:
        assert finding.detail.startswith("cacerts of west ")


def test_meshes_that_share_any_root_do_not_hold(authority: Any, fleet: FleetView) -> None:
    rotating = Rotating(authority, fleet)
    declared = rotating.declared("new", "old")
    other = replace(declared.meshes[1], other_roots=(rotating.roots["old"].fingerprint,))
    finding = trust.judge(
        replace(declared, meshes=(declared.meshes[0], other)), declared.clusters[0], {}, {}, datetime.now(UTC)
    )
    assert "meshes mesh1 and mesh2 share the root" in finding.detail


def answers(made: Made) -> dict[str, Any]:
    data = {name: base64.b64encode(content).decode() for name, content in made.files.items()}
    return {
        f"GET {SYSTEM}/secrets/cacerts": (200, {"metadata": {"name": "cacerts"}, "data": data}),
        f"GET {SYSTEM}/configmaps/istio-ca-root-cert": (200, {"metadata": {}, "data": made.given}),
    }


def run_check(made: Made, kubeconfig: Path) -> Any:
    west = replace(made.fleet.clusters[0], kubeconfig=kubeconfig)
    return trust.Trust().run_on(made.fleet, west, 0.01)


def test_both_objects_are_read_from_the_cluster(
    made: Made, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    result = run_check(made, kubeconfig(serve(answers(made)).url))
    assert result.ok, result.detail


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("secrets/cacerts", "west has no Secret cacerts"),
        ("configmaps/istio-ca-root-cert", "west has no ConfigMap"),
    ],
)
def test_a_missing_object_is_named(
    made: Made, serve: Callable[..., Any], kubeconfig: Callable[[str], Path], gone: str, told: str
) -> None:
    missing = {
        "kind": "Status",
        "status": "Failure",
        "message": "not found",
        "reason": "NotFound",
        "code": 404,
    }
    result = run_check(made, kubeconfig(serve(answers(made) | {f"GET {SYSTEM}/{gone}": (404, missing)}).url))
    assert not result.ok
    assert told in result.detail


def test_damaged_data_and_refusals_become_answers(
    made: Made, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    damaged = (200, {"metadata": {}, "data": {"ca-cert.pem": "***"}})
    result = run_check(made, kubeconfig(serve(answers(made) | {f"GET {SYSTEM}/secrets/cacerts": damaged}).url))
    assert not result.ok
    assert "not base64" in result.detail
    forbidden = (403, {"kind": "Status", "message": "secrets is forbidden", "code": 403})
    result = run_check(made, kubeconfig(serve(answers(made) | {f"GET {SYSTEM}/secrets/cacerts": forbidden}).url))
    assert not result.ok
    assert "the API server of west refuses: secrets is forbidden" in result.detail
