"""A cluster whose istiod runs elsewhere trusts exactly the roots of its mesh where its API server calls that istiod."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from meshfleet.manifests.namespaces import CONTROL_PLANES
from meshfleet.verification import FleetView
from meshfleet.verification.checks.remote_control_plane import Injector, judge

pytestmark = pytest.mark.proof("a change of roots reaches the webhooks of remote clusters", step=0)

STAGES = (("old",), ("old", "new"), ("new", "old"), ("new",))


@pytest.fixture
def roots(authority: Any) -> dict[str, Any]:
    return {name: authority(name) for name in ("old", "new")}


@pytest.mark.parametrize("declared", STAGES, ids=" and ".join)
@pytest.mark.parametrize("patched", STAGES, ids=" and ".join)
def test_its_webhook_trusts_the_roots_of_the_mesh_and_no_other(
    declared: tuple[str, ...], patched: tuple[str, ...], roots: dict[str, Any], fleet: FleetView
) -> None:
    first, *others = (roots[name].fingerprint for name in declared)
    mesh = replace(fleet.meshes[0], root_fingerprint=first, other_roots=tuple(others))
    west, east, *rest = fleet.clusters
    remote = replace(east, control_plane=replace(east.control_plane, kind="remote", of="west"))
    rotating = replace(fleet, meshes=(mesh, fleet.meshes[1]), clusters=(west, remote, *rest))
    bundle = base64.b64encode(b"".join(roots[name].pem for name in patched)).decode()
    injector = Injector(frozenset({"https://192.0.2.1:15017/inject"}), frozenset({bundle}))
    finding = judge(rotating, remote, {CONTROL_PLANES: "west"}, injector)
    assert finding.passed == (set(declared) == set(patched)), finding.detail
    if not finding.passed:
        assert "does not trust the roots of mesh mesh1" in finding.detail
