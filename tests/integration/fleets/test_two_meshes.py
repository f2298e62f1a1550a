"""Two meshes in one fleet share nothing: no root, no secret, no discovery. Looked at from both sides."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from meshfleet.verification.bundle import certificates, fingerprint
from tests.integration.clone import Clone
from tests.integration.world import World, make_world

pytestmark = pytest.mark.proof("two meshes in one fleet share nothing", step=3)

STACK = "two-meshes"
MESHES = {"development": ("control", "test"), "production": ("production",)}


@dataclass(frozen=True)
class TwoMeshes:
    """The fleet and its status."""

    world: World
    status: dict[str, Any]

    def debug(self, cluster: str, page: str) -> Any:
        """A page of the debug API of a cluster's istiod."""
        entry = next(entry for entry in self.status["clusters"] if entry["name"] == cluster)
        answer = httpx2.get(f"{entry['controlPlane']['debugUrl']}/debug/{page}", timeout=10, trust_env=False)
        return answer.raise_for_status().json()


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[TwoMeshes]:
    with make_world(clone) as world:
        world.meshfleet("up", "--stack", f"examples/{STACK}", "--json")
        yield TwoMeshes(world, world.meshfleet("status", "--stack", f"examples/{STACK}", "--json").answer)
        world.meshfleet("destroy", "--stack", f"examples/{STACK}", "--yes")
        assert world.remains(STACK) == []


def test_both_meshes_are_verified(fleet: TwoMeshes) -> None:
    report = fleet.world.meshfleet("verify", "--stack", f"examples/{STACK}", "--json").answer
    assert report["ok"], report


def test_each_mesh_has_a_root_of_its_own_in_every_one_of_its_clusters(fleet: TwoMeshes) -> None:
    roots: dict[str, set[str]] = {}
    for mesh, clusters in MESHES.items():
        for cluster in clusters:
            secret = fleet.world.get(STACK, cluster, "secret", "cacerts", "--namespace", "istio-system")
            (root,) = certificates(base64.b64decode(secret["data"]["root-cert.pem"]), "root-cert.pem")
            roots.setdefault(mesh, set()).add(fingerprint(root))
            assert mesh in root.subject.rfc4514_string()
    assert [len(found) for found in roots.values()] == [1, 1]
    assert not roots["development"] & roots["production"]
    assert {mesh["name"]: mesh["rootFingerprint"] for mesh in fleet.status["meshes"]} == {
        mesh: next(iter(found)) for mesh, found in roots.items()
    }


@pytest.mark.parametrize(("mesh", "cluster"), [(mesh, name) for mesh in MESHES for name in MESHES[mesh]])
def test_no_cluster_holds_or_reads_anything_of_the_other_mesh(fleet: TwoMeshes, mesh: str, cluster: str) -> None:
    own = set(MESHES[mesh])
    foreign = {name for clusters in MESHES.values() for name in clusters} - own
    known: set[str] = set()
    remote = fleet.world.get(STACK, cluster, "secrets", "--all-namespaces", "--selector", "istio/multiCluster=true")
    for secret in remote["items"]:
        known |= set(secret["data"])
    assert known == own - {cluster}
    assert {entry["id"] for entry in fleet.debug(cluster, "clusterz")} == own
    shards = fleet.debug(cluster, "endpointShardz")
    shown = json.dumps(shards)
    assert f"Kubernetes/{cluster}" in shown
    assert not [name for name in foreign if f"Kubernetes/{name}" in shown]
    gateways = {entry["Cluster"] for entry in fleet.debug(cluster, "networkz") or []}
    assert not gateways & foreign
    assert gateways == (own if len(own) > 1 else set())


def test_each_mesh_keeps_its_trust_domain(fleet: TwoMeshes) -> None:
    for mesh, clusters in MESHES.items():
        for cluster in clusters:
            configuration = fleet.debug(cluster, "mesh")
            assert configuration["trustDomain"] == f"{mesh}.example"
