"""The roots of a mesh: which are made, which signs, and that every cluster of the mesh gets all of them."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from meshfleet.components.trust import root_resource
from meshfleet.rollout.deployed import Bundle, Deployed, DeployedTrust
from meshfleet.rollout.root_rotation import with_bundles
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet
from tests.components.fleets import fleet_called, fleet_of
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import record

pytestmark = pytest.mark.proof("every legal set of roots is a state of its own", step=1)

MESH = "mesh"


def root_file(secret: Resource) -> str:
    """The file `root-cert.pem` of a `cacerts`."""
    data: dict[str, Any] = secret.inputs["data"]["value"]
    return base64.b64decode(data["root-cert.pem"]).decode()


def served(resource: Resource) -> str:
    """The cluster whose name an istiod carries, by a resource of that istiod; it may run in another one."""
    hosted = re.fullmatch(r"external-(.+)-(cacerts|istiod.*)", resource.what)
    return hosted[1] if hosted else resource.cluster


def expected(mesh: str, bundle: Bundle) -> str:
    """What the plugins of these tests would put into it."""
    return "".join(f"certificate of {root_resource(mesh, root)}\n" for root in bundle)


def with_roots(*bundle: str) -> Fleet:
    """Two embedded clusters in a mesh with these roots, the first of which signs."""
    return with_bundles({"mesh1": bundle})(fleet_of(2))


def test_every_istiod_trusts_all_roots_of_its_mesh_the_one_that_signs_first(graph: Graph, fleet: Fleet) -> None:
    def wanted(cluster: str) -> str:
        mesh = fleet.mesh_of(cluster)
        return expected(mesh, fleet.meshes[mesh].trust.bundle)

    secrets = {served(found): found for found in graph.custom if found.what.endswith("cacerts")}
    assert secrets.keys() == {name for name in fleet.clusters if fleet.is_primary(name)}
    for cluster, secret in secrets.items():
        assert root_file(secret) == wanted(cluster)
    for process in (found for found in graph.custom if found.type.endswith(":Istiod")):
        authority = process.inputs["certificateAuthority"]["value"]
        assert authority["rootCertificate"] == wanted(process.inputs["cluster"])


def test_pods_of_an_istiod_are_made_anew_with_other_roots(graph: Graph, fleet: Fleet) -> None:
    for release in (found for found in graph.custom if found.inputs.get("chart", "").rpartition("/")[2] == "istiod"):
        mesh = fleet.mesh_of(served(release))
        roots = ",".join(f"fingerprint of {root_resource(mesh, root)}" for root in fleet.meshes[mesh].trust.bundle)
        runs = served(release) != release.cluster or fleet.clusters[release.cluster].control_plane.kind == "own"
        # A process is started again by itself, and what only leads to an istiod has none.
        wanted = (
            {"meshfleet/roots": roots}
            if runs and fleet.clusters[release.cluster].capabilities.istiod_runtime == "pod"
            else {}
        )
        assert release.inputs["values"].get("podAnnotations", {}) == wanted


def test_the_first_root_has_the_name_it_had_before_roots_had_names() -> None:
    graph = record(with_roots("first", "second"))
    assert {"mesh mesh1/root", "mesh mesh1/root-second"} <= graph.names()
    assert graph["mesh mesh1/root"].inputs["commonName"] == "Root CA of mesh1"
    assert graph["mesh mesh1/root-second"].inputs["commonName"] == "Root CA second of mesh1"


def test_a_root_keeps_the_key_and_the_subject_it_was_made_with(graph: Graph, fleet: Fleet) -> None:
    for mesh, declared in fleet.meshes.items():
        for root in declared.trust.roots:
            assert graph[root_resource(mesh, root)].ignored == {"organization", "algorithm"}


def test_the_state_reports_what_was_begun_and_the_exports_what_was_reached(graph: Graph, fleet: Fleet) -> None:
    told = {mesh["name"]: mesh for mesh in graph.outputs["fleet"]["meshes"]}
    for mesh, declared in fleet.meshes.items():
        (component,) = [found for found in graph.resources.values() if found.name == f"mesh {mesh}"]
        assert component.inputs == {"bundle": list(declared.trust.bundle)}
        assert told[mesh]["signing"] == declared.trust.bundle[0]
        assert told[mesh]["rootFingerprint"] == f"fingerprint of {root_resource(mesh, declared.trust.bundle[0])}"
        assert told[mesh]["roots"] == [
            {
                "name": root,
                "fingerprint": f"fingerprint of {root_resource(mesh, root)}",
                "notAfter": f"notAfter of {root_resource(mesh, root)}",
            }
            for root in declared.trust.roots
        ]


def test_a_mesh_with_two_roots_says_which_signs() -> None:
    (mesh,) = record(fleet_called("two-roots")).outputs["fleet"]["meshes"]
    assert mesh["trust"] == "both roots trusted (first and second), first signs"


def test_each_stage_registers_its_roots_and_issues_intermediates_of_the_one_that_signs() -> None:
    deployed = Deployed({"mesh1": DeployedTrust(("first",), ("first",))})
    registered = [
        (
            root_file(graph["c0/cacerts"]),
            root_file(graph["c1/cacerts"]),
            graph["c0/intermediate"].inputs["rootCertificate"],
        )
        for graph in (record(stage.fleet) for stage in stages(deployed, with_roots("second")))
    ]
    old, new = "certificate of mesh mesh1/root", "certificate of mesh mesh1/root-second"
    assert registered == [
        (f"{old}\n{new}\n", f"{old}\n{new}\n", old),
        (f"{new}\n{old}\n", f"{new}\n{old}\n", new),
        (f"{new}\n", f"{new}\n", new),
    ]
