"""The shape of `status --json` is read, and what is wrong in it is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import VerificationError
from meshfleet.topology import Fleet
from meshfleet.verification import ClusterView, ControlPlaneView, FleetView, read_fleet
from meshfleet.verification.view import fingerprint_digits, of_each_revision
from tests.examples import scaled
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)


def test_every_field_of_status_is_kept(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][0] |= {"context": "c", "injectedNamespaces": ["sample"]}
    fleet = read_fleet(status, tmp_path)
    west = fleet.clusters[0]
    assert (west.name, west.mesh, west.network, west.context) == ("west", "mesh1", "net-west", "c")
    assert west.gateway is not None
    assert (west.gateway.address, west.gateway.port) == ("127.0.0.1", 15443)
    assert west.control_plane.debug_url == "http://127.0.0.1:18101"
    assert west.injected_namespaces == ("sample",)
    assert [member.name for member in fleet.mesh_members("mesh1")] == ["west", "east"]
    assert (fleet.mesh_of("solo"), fleet.mesh_of("gone")) == ("mesh2", None)


def test_the_settings_of_a_mesh_are_kept_and_may_be_absent(status: dict[str, Any], tmp_path: Path) -> None:
    found = {"kind": "PeerAuthentication", "name": "default", "spec": {"mtls": {"mode": "STRICT"}}}
    status["meshes"][0]["settings"] = {"meshConfig": {"trustDomain": "mesh1.example"}, "objects": [found]}
    mesh1, mesh2 = read_fleet(status, tmp_path).meshes
    assert mesh1.mesh_config == {"trustDomain": "mesh1.example"}
    assert [(entry.kind, entry.name, entry.spec) for entry in mesh1.objects] == [tuple(found.values())]
    assert (mesh2.mesh_config, mesh2.objects) == ({}, ())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (3, "meshes.mesh1.settings: must be a map of keys to values, got 3"),
        ({"meshConfig": "x", "objects": []}, "meshes.mesh1.settings.meshConfig"),
        ({"meshConfig": {}, "objects": {}}, "meshes.mesh1.settings.objects: must be a list, got {}"),
        ({"meshConfig": {}, "objects": [{"kind": "Telemetry"}]}, r"meshes.mesh1.settings.objects\[0\].name: missing"),
        (
            {"meshConfig": {}, "objects": [{"kind": "a", "name": "b", "spec": 3}]},
            "settings.objects.b.spec: must be a map of keys to values, got 3",
        ),
    ],
)
def test_settings_of_another_shape_are_refused(
    status: dict[str, Any], tmp_path: Path, settings: Any, named: str
) -> None:
    status["meshes"][0]["settings"] = settings
    with pytest.raises(VerificationError, match=named):
        read_fleet(status, tmp_path)


def test_the_roots_of_a_mesh_come_with_the_one_that_signs_first(status: dict[str, Any], tmp_path: Path) -> None:
    status["meshes"][0] |= {
        "rootFingerprint": "AB" * 32,
        "roots": [{"name": "a", "fingerprint": "cd" * 32}, {"name": "b", "fingerprint": "ab" * 32}],
    }
    first, second = read_fleet(status, tmp_path).meshes
    assert first.bundle == ("ab" * 32, "cd" * 32)
    # As from before roots had names.
    assert second.bundle == ("22" * 32,)


@pytest.mark.parametrize("roots", ["a", [3], [{"name": "a"}]])
def test_roots_of_another_shape_are_named(roots: Any, status: dict[str, Any], tmp_path: Path) -> None:
    status["meshes"][0]["roots"] = roots
    with pytest.raises(VerificationError, match=r"status: meshes.mesh1.roots"):
        read_fleet(status, tmp_path)


def test_a_port_that_came_as_a_double_is_a_whole_number(fleet: FleetView) -> None:
    assert all(cluster.gateway and isinstance(cluster.gateway.port, int) for cluster in fleet.clusters)


def test_a_gateway_without_an_address_yet_is_no_gateway(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][0]["gateway"] = {"address": None, "port": 15443}
    status["clusters"][1]["gateway"] = None
    fleet = read_fleet(status, tmp_path)
    assert [cluster.gateway for cluster in fleet.clusters[:2]] == [None, None]


def test_only_clusters_with_their_own_control_plane_are_primaries(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][1]["controlPlane"] = {
        "kind": "remote",
        "of": "west",
        "revision": "default",
        "debugUrl": None,
    }
    fleet = read_fleet(status, tmp_path)
    assert [cluster.name for cluster in fleet.primaries()] == ["west", "solo"]


def with_revisions(entry: dict[str, Any], *urls: str | None) -> None:
    """Put the revisions `blue`, which workloads are on, and `green` into the status of a cluster."""
    revisions = [
        {"name": name, "version": "1.31", "debugUrl": url} for name, url in zip(("blue", "green"), urls, strict=True)
    ]
    entry["controlPlane"] |= {
        "revision": "blue",
        "gatewayRevision": "green",
        "debugUrl": urls[0],
        "revisions": revisions,
    }


def test_every_revision_of_every_primary_is_an_istiod_of_its_own(status: dict[str, Any], tmp_path: Path) -> None:
    west, east, _ = status["clusters"]
    with_revisions(west, "http://127.0.0.1:1/", "http://127.0.0.1:2/")
    east["controlPlane"] = {"kind": "remote", "of": "west"}
    with_revisions(east, None, None)
    fleet = read_fleet(status, tmp_path)
    found = [(one.name, one.control_plane.revision, one.control_plane.debug_url) for one in fleet.istiods()]
    assert found == [
        ("west", "blue", "http://127.0.0.1:1"),
        ("west", "green", "http://127.0.0.1:2"),
        ("solo", "default", "http://127.0.0.1:18103"),
    ]
    # Each is the same cluster in everything else.
    blue, green, _ = fleet.istiods()
    assert replace(green, control_plane=blue.control_plane) == blue
    assert (green.control_plane.gateway_revision, green.control_plane.namespace) == ("green", "istio-system")
    assert [cluster.name for cluster in fleet.primaries()] == ["west", "solo"]


def test_a_cluster_that_is_served_from_elsewhere_has_each_of_its_primarys_revisions(
    status: dict[str, Any], tmp_path: Path
) -> None:
    status["clusters"][1]["controlPlane"] = {"kind": "remote", "of": "west"}
    with_revisions(status["clusters"][1], None, None)
    east = read_fleet(status, tmp_path).clusters[1]
    views = of_each_revision(east)
    assert [(view.name, view.control_plane.of, view.control_plane.revision) for view in views] == [
        ("east", "west", "blue"),
        ("east", "west", "green"),
    ]
    # Workloads are on the first, which is the view of the cluster itself.
    assert views[0] is east


def test_a_fleet_from_before_revisions_were_reported_has_one_of_each(fleet: FleetView) -> None:
    assert fleet.istiods() == fleet.primaries() == fleet.clusters


@pytest.mark.parametrize("revisions", [[{"version": "1.31"}], [{"name": ""}], [{"name": 3}]])
def test_a_revision_without_a_name_is_refused(status: dict[str, Any], tmp_path: Path, revisions: Any) -> None:
    status["clusters"][0]["controlPlane"]["revisions"] = revisions
    with pytest.raises(VerificationError, match=r"clusters.west.controlPlane.revisions\[0\].name: "):
        read_fleet(status, tmp_path)


@pytest.mark.parametrize("revisions", ["blue", {"blue": {}}, 3, ["blue"]])
def test_revisions_of_another_shape_are_refused(status: dict[str, Any], tmp_path: Path, revisions: Any) -> None:
    status["clusters"][0]["controlPlane"]["revisions"] = revisions
    with pytest.raises(VerificationError, match=r"clusters.west.controlPlane.revisions"):
        read_fleet(status, tmp_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"mesh": None}, "mesh"),
        ({"network": 3}, "network"),
        ({"kubeconfig": None}, "kubeconfig"),
        ({"controlPlane": None}, "controlPlane"),
        (
            {"controlPlane": {"kind": "mine", "of": "west"}},
            "controlPlane.kind: must be 'own', 'remote' or 'external', got 'mine'",
        ),
        ({"gateway": "127.0.0.1"}, "gateway"),
        ({"gateway": {"address": "a", "port": 1.5, "network": "n"}}, "gateway.port"),
        ({"gateway": {"address": "a", "port": "http", "network": "n"}}, "gateway.port"),
    ],
)
def test_a_wrong_field_is_named(status: dict[str, Any], tmp_path: Path, change: dict[str, Any], named: str) -> None:
    status["clusters"][0] |= change
    with pytest.raises(VerificationError, match=named):
        read_fleet(status, tmp_path)


@pytest.mark.parametrize("broken", [{"clusters": None}, {"clusters": "west"}, {"meshes": [3]}, {"stack": None}])
def test_a_status_of_another_shape_is_refused(status: dict[str, Any], tmp_path: Path, broken: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        read_fleet(status | broken, tmp_path)


def test_an_unknown_mesh_is_named_with_those_there_are(fleet: FleetView) -> None:
    with pytest.raises(VerificationError, match="'mesh9'; it has mesh1, mesh2"):
        fleet.mesh("mesh9")


@given(st.binary(min_size=32, max_size=32))
def test_every_spelling_of_a_fingerprint_is_the_same_fingerprint(digest: bytes) -> None:
    spellings = {digest.hex(), digest.hex().upper(), digest.hex(":").upper(), f"sha256:{digest.hex()}"}
    assert {fingerprint_digits(spelling) for spelling in spellings} == {digest.hex()}


def test_a_cluster_discovers_its_own_and_those_that_its_control_plane_may_read(
    status: dict[str, Any], tmp_path: Path
) -> None:
    west, east, solo = status["clusters"]
    assert [one.name for one in read_fleet(status, tmp_path).discovered_from(_view(status, tmp_path, "east"))] == [
        "west",
        "east",
    ]
    west["readBy"], east["readBy"] = [], ["west"]
    kiosk = east | {"name": "kiosk", "controlPlane": {"kind": "remote", "of": "west"}}
    status["clusters"] = [west, east, kiosk, solo]
    seen = {
        name: [one.name for one in read_fleet(status, tmp_path).discovered_from(_view(status, tmp_path, name))]
        for name in ("west", "east", "kiosk", "solo")
    }
    everything = ["west", "east", "kiosk"]
    assert seen == {"west": everything, "kiosk": everything, "east": ["east"], "solo": ["solo"]}


@scaled(30)
@given(loaded_fleets(max_clusters=5))
def test_what_checks_take_for_discovered_is_what_the_topology_says(fleet: Fleet) -> None:
    view = FleetView(
        "test",
        tuple(
            ClusterView(
                *(name, fleet.role(name), fleet.mesh_of(name), cluster.network, Path()),
                ControlPlaneView(cluster.control_plane.kind, cluster.control_plane.of or name),
                read_by=None if cluster.discovery.read_by is None else fleet.readers_of(name),
            )
            for name, cluster in fleet.clusters.items()
        ),
        (),
        Path(),
    )
    for one in view.clusters:
        primary = fleet.primary_of(one.name)
        assert {found.name for found in view.discovered_from(one)} == {primary, *fleet.reads(primary)}


def _view(status: dict[str, Any], tools: Path, name: str) -> ClusterView:
    return {one.name: one for one in read_fleet(status, tools).clusters}[name]
