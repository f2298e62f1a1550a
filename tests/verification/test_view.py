"""The shape of `status --json` is read, and what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.errors import VerificationError
from verification import FleetView
from verification.view import fingerprint_digits

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)


def test_every_field_of_status_is_kept(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][0] |= {"context": "c", "injectedNamespaces": ["sample"]}
    fleet = FleetView.from_status(status, tmp_path)
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
    mesh1, mesh2 = FleetView.from_status(status, tmp_path).meshes
    assert mesh1.mesh_config == {"trustDomain": "mesh1.example"}
    assert [(entry.kind, entry.name, entry.spec) for entry in mesh1.objects] == [tuple(found.values())]
    assert (mesh2.mesh_config, mesh2.objects) == ({}, ())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (3, "meshes.mesh1.settings is int"),
        ({"meshConfig": "x", "objects": []}, "meshes.mesh1.settings.meshConfig"),
        ({"meshConfig": {}, "objects": {}}, "objects is dict"),
        ({"meshConfig": {}, "objects": [{"kind": "Telemetry"}]}, "meshes.mesh1.settings.objects.name"),
        ({"meshConfig": {}, "objects": [{"kind": "a", "name": "b", "spec": 3}]}, "settings.objects.spec"),
    ],
)
def test_settings_of_another_shape_are_refused(
    status: dict[str, Any], tmp_path: Path, settings: Any, named: str
) -> None:
    status["meshes"][0]["settings"] = settings
    with pytest.raises(VerificationError, match=named):
        FleetView.from_status(status, tmp_path)


def test_the_roots_of_a_mesh_come_with_the_one_that_signs_first(status: dict[str, Any], tmp_path: Path) -> None:
    status["meshes"][0] |= {
        "rootFingerprint": "AB" * 32,
        "roots": [{"name": "a", "fingerprint": "cd" * 32}, {"name": "b", "fingerprint": "ab" * 32}],
    }
    first, second = FleetView.from_status(status, tmp_path).meshes
    assert first.bundle == ("ab" * 32, "cd" * 32)
    # As from before roots had names.
    assert second.bundle == ("22" * 32,)


@pytest.mark.parametrize("roots", ["a", [3], [{"name": "a"}]])
def test_roots_of_another_shape_are_named(roots: Any, status: dict[str, Any], tmp_path: Path) -> None:
    status["meshes"][0]["roots"] = roots
    with pytest.raises(VerificationError, match=r"status: meshes.mesh1.roots"):
        FleetView.from_status(status, tmp_path)


def test_a_port_that_came_as_a_double_is_a_whole_number(fleet: FleetView) -> None:
    assert all(cluster.gateway and isinstance(cluster.gateway.port, int) for cluster in fleet.clusters)


def test_a_gateway_without_an_address_yet_is_no_gateway(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][0]["gateway"] = {"address": None, "port": 15443}
    status["clusters"][1]["gateway"] = None
    fleet = FleetView.from_status(status, tmp_path)
    assert [cluster.gateway for cluster in fleet.clusters[:2]] == [None, None]


def test_only_clusters_with_their_own_control_plane_are_primaries(status: dict[str, Any], tmp_path: Path) -> None:
    status["clusters"][1]["controlPlane"] = {
        "kind": "remote",
        "of": "west",
        "revision": "default",
        "debugUrl": None,
    }
    fleet = FleetView.from_status(status, tmp_path)
    assert [cluster.name for cluster in fleet.primaries()] == ["west", "solo"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"mesh": None}, "mesh"),
        ({"network": 3}, "network"),
        ({"kubeconfig": None}, "kubeconfig"),
        ({"controlPlane": None}, "controlPlane"),
        ({"controlPlane": {"kind": "mine", "of": "west"}}, "controlPlane.kind is 'mine'"),
        ({"gateway": "127.0.0.1"}, "gateway"),
        ({"gateway": {"address": "a", "port": 1.5, "network": "n"}}, "gateway.port"),
        ({"gateway": {"address": "a", "port": "http", "network": "n"}}, "gateway.port"),
    ],
)
def test_a_wrong_field_is_named(status: dict[str, Any], tmp_path: Path, change: dict[str, Any], named: str) -> None:
    status["clusters"][0] |= change
    with pytest.raises(VerificationError, match=named):
        FleetView.from_status(status, tmp_path)


@pytest.mark.parametrize("broken", [{"clusters": None}, {"clusters": "west"}, {"meshes": [3]}, {"stack": None}])
def test_a_status_of_another_shape_is_refused(status: dict[str, Any], tmp_path: Path, broken: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        FleetView.from_status(status | broken, tmp_path)


def test_an_unknown_mesh_is_named_with_those_there_are(fleet: FleetView) -> None:
    with pytest.raises(VerificationError, match="'mesh9'; it has mesh1, mesh2"):
        fleet.mesh("mesh9")


@given(st.binary(min_size=32, max_size=32))
def test_every_spelling_of_a_fingerprint_is_the_same_fingerprint(digest: bytes) -> None:
    spellings = {digest.hex(), digest.hex().upper(), digest.hex(":").upper(), f"sha256:{digest.hex()}"}
    assert {fingerprint_digits(spelling) for spelling in spellings} == {digest.hex()}
