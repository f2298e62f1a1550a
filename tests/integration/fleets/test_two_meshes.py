"""Two meshes in one fleet share nothing: no root, no secret, no discovery. Looked at from both sides."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest, bring_up
from meshfleet.verification.bundle import certificates, fingerprint
from tests.integration.clone import Clone

pytestmark = [pytest.mark.extended, pytest.mark.proof("two meshes in one fleet share nothing", step=3)]

STACK = "examples/two-meshes"
MESHES = {"development": ("control", "test"), "production": ("production",)}


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


def test_both_meshes_are_verified(fleet: FleetUnderTest) -> None:
    fleet.verify()


def test_each_mesh_has_a_root_of_its_own_in_every_one_of_its_clusters(fleet: FleetUnderTest) -> None:
    roots: dict[str, set[str]] = {}
    for mesh, clusters in MESHES.items():
        for cluster in clusters:
            secret = fleet.get(cluster, "secret", "cacerts", "--namespace", "istio-system")
            (root,) = certificates(base64.b64decode(secret["data"]["root-cert.pem"]), "root-cert.pem")
            roots.setdefault(mesh, set()).add(fingerprint(root))
            assert mesh in root.subject.rfc4514_string()
    assert [len(found) for found in roots.values()] == [1, 1]
    assert not roots["development"] & roots["production"]
    assert {mesh["name"]: mesh["rootFingerprint"] for mesh in fleet.status["meshes"]} == {
        mesh: next(iter(found)) for mesh, found in roots.items()
    }


@pytest.mark.parametrize(("mesh", "cluster"), [(mesh, name) for mesh in MESHES for name in MESHES[mesh]])
def test_no_cluster_holds_or_reads_anything_of_the_other_mesh(fleet: FleetUnderTest, mesh: str, cluster: str) -> None:
    own = set(MESHES[mesh])
    foreign = {name for clusters in MESHES.values() for name in clusters} - own
    known: set[str] = set()
    remote = fleet.get(cluster, "secrets", "--all-namespaces", "--selector", "istio/multiCluster=true")
    for secret in remote["items"]:
        known |= set(secret["data"])
    assert known == own - {cluster}
    assert fleet.istiod(cluster).clusters().keys() == own
    endpoints = fleet.istiod(cluster).endpoint_clusters()
    assert cluster in endpoints
    assert not endpoints & foreign
    gateways = {one.cluster for one in fleet.istiod(cluster).gateways()}
    assert not gateways & foreign
    assert gateways == (own if len(own) > 1 else set())


def test_each_mesh_keeps_its_trust_domain(fleet: FleetUnderTest) -> None:
    for mesh, clusters in MESHES.items():
        for cluster in clusters:
            configuration = fleet.istiod(cluster).mesh()
            assert configuration["trustDomain"] == f"{mesh}.example"
