"""Clusters without an istiod in them: who serves them is read from status, and whether it does is asked of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import CertificateError, VerificationError
from meshfleet.errors.causes import Cause, advice
from meshfleet.manifests.namespaces import CONTROL_PLANES
from meshfleet.verification import ALL, FleetView, MeshView, read_fleet
from meshfleet.verification.checks import remote_control_plane
from meshfleet.verification.checks.remote_control_plane import Injector, RemoteControlPlane, webhook_name
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof("remote clusters are verified", step=0)

NAMESPACE = "istiod-config"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
NOT_FOUND = {"kind": "Status", "status": "Failure", "message": "it is not there", "reason": "NotFound", "code": 404}


def cluster(fleet: FleetView, name: str) -> ClusterView:
    return next(found for found in fleet.clusters if found.name == name)


def rooted(fleet: FleetView, mesh: str, root: Any) -> FleetView:
    """The fleet with another root for a mesh."""
    meshes = tuple(replace(one, root_fingerprint=root.fingerprint) if one.name == mesh else one for one in fleet.meshes)
    return replace(fleet, meshes=meshes)


def injector(*authorities: Any, target: str = "https://localhost:1/inject") -> Injector:
    """A webhook whose entries trust these authorities."""
    return Injector(frozenset({target}), frozenset(base64.b64encode(one.pem).decode() for one in authorities))


def test_the_primary_and_the_home_of_each_cluster_follow_from_status(served: FleetView) -> None:
    primaries = {found.name: served.primary_of(found).name for found in served.clusters}
    assert primaries == {"west": "west", "east": "west", "config": "config", "kiosk": "config"}
    assert {found.name: served.istiod_host_of(found).name for found in served.clusters} == dict.fromkeys(
        primaries, "west"
    )
    assert [found.name for found in served.primaries()] == ["west", "config"]
    assert cluster(served, "kiosk").control_plane.namespace == NAMESPACE


def test_a_cluster_whose_primary_status_lacks_is_reported_by_name(served: FleetView) -> None:
    alone = replace(served, clusters=tuple(one for one in served.clusters if one.name != "config"))
    with pytest.raises(VerificationError, match="no cluster 'config'; it has west, east, kiosk"):
        alone.istiod_host_of(cluster(alone, "kiosk"))


def test_a_gateway_that_leads_to_control_planes_alone_is_no_way_into_a_network(
    status: dict[str, Any], tmp_path: Path
) -> None:
    status["clusters"][0]["gateway"] = {"address": "198.18.0.1", "port": 15443.0, "network": ""}
    assert read_fleet(status, tmp_path).clusters[0].gateway is None


def test_each_question_is_put_to_those_who_can_answer_it(served: FleetView) -> None:
    asked = {check.name: [found.name for found in check.targets(served)] for check in ALL}
    everybody, istiods, elsewhere = ["west", "east", "config", "kiosk"], ["west", "config"], ["east", "config", "kiosk"]
    assert asked["remote-control-plane"] == elsewhere
    assert asked["trust"] == asked["injection"] == everybody
    for name in ("clusters-synced", "endpoint-shards", "network-gateways", "webhook-validation"):
        assert asked[name] == istiods
    for name in ("istioctl-analyze", "istioctl-remote-clusters"):
        assert asked[name] == istiods


@pytest.mark.parametrize(
    ("revision", "namespace", "name"),
    [
        ("default", "istio-system", "istio-sidecar-injector"),
        ("canary", "istio-system", "istio-sidecar-injector-canary"),
        ("default", NAMESPACE, "istio-sidecar-injector-istiod-config"),
        ("canary", NAMESPACE, "istio-sidecar-injector-canary-istiod-config"),
    ],
)
def test_the_webhook_has_the_name_that_the_chart_gives_it(
    served: FleetView, revision: str, namespace: str, name: str
) -> None:
    east = cluster(served, "east")
    there = replace(east, control_plane=replace(east.control_plane, revision=revision, namespace=namespace))
    assert webhook_name(there) == name


@pytest.mark.parametrize("named", ["west", "north,west"])
def test_a_remote_that_names_its_primary_and_trusts_the_root_holds(
    served: FleetView, authority: Any, named: str
) -> None:
    root = authority("root")
    fleet = rooted(served, "mesh1", root)
    finding = remote_control_plane.judge(fleet, cluster(fleet, "east"), {CONTROL_PLANES: named}, injector(root))
    assert finding.passed
    assert finding.detail == "the istiod of west serves east through https://localhost:1/inject"


def test_an_external_control_plane_is_reported_with_where_it_runs(served: FleetView, authority: Any) -> None:
    root = authority("root")
    fleet = rooted(served, "mesh2", root)
    # Its own config cluster need not name itself: there it leads by right.
    finding = remote_control_plane.judge(fleet, cluster(fleet, "config"), {}, injector(root))
    assert finding.passed
    assert finding.detail.startswith("the istiod of config, which runs in west, serves config through ")
    kiosk = remote_control_plane.judge(fleet, cluster(fleet, "kiosk"), {CONTROL_PLANES: "config"}, injector(root))
    assert kiosk.detail.startswith("the istiod of config, which runs in west, serves kiosk through ")


@pytest.mark.parametrize("annotations", [{}, {CONTROL_PLANES: ""}, {CONTROL_PLANES: "west-2,north"}])
def test_a_remote_that_names_another_primary_or_none_is_reported(
    served: FleetView, authority: Any, annotations: dict[str, str]
) -> None:
    root = authority("root")
    fleet = rooted(served, "mesh1", root)
    finding = remote_control_plane.judge(fleet, cluster(fleet, "east"), annotations, injector(root))
    assert not finding.passed
    assert f"has {CONTROL_PLANES} {annotations.get(CONTROL_PLANES) or 'unset'}, expected west" in finding.detail


def test_a_webhook_without_a_bundle_is_reported_with_who_should_have_patched_it(
    served: FleetView, authority: Any
) -> None:
    for bundles in (frozenset[str](), frozenset({""}), injector(authority("root")).bundles | {""}):
        bare = Injector(frozenset({"https://localhost:1/inject"}), bundles)
        finding = remote_control_plane.judge(served, cluster(served, "east"), {CONTROL_PLANES: "west"}, bare)
        assert not finding.passed
        assert "istio-sidecar-injector of east has no caBundle: the istiod of west has not patched it" in finding.detail


def test_a_webhook_that_trusts_another_root_is_reported_alone_or_beside_the_right_one(
    served: FleetView, authority: Any
) -> None:
    root, former = authority("root"), authority("former")
    fleet = rooted(served, "mesh1", root)
    east, named = cluster(fleet, "east"), {CONTROL_PLANES: "west"}
    finding = remote_control_plane.judge(fleet, east, named, injector(former))
    assert not finding.passed
    assert "does not trust the roots of mesh mesh1" in finding.detail
    # One that is trusted beside it was to be dropped.
    assert not remote_control_plane.judge(fleet, east, named, injector(former, root)).passed
    assert remote_control_plane.judge(fleet, east, named, injector(root)).passed


def test_a_bundle_that_is_no_certificate_is_an_error_of_ours(served: FleetView) -> None:
    damaged = Injector(frozenset(), frozenset({base64.b64encode(b"no certificate").decode()}))
    with pytest.raises(CertificateError, match="caBundle of istio-sidecar-injector"):
        remote_control_plane.judge(served, cluster(served, "east"), {CONTROL_PLANES: "west"}, damaged)


def remote_answers(root: Any, **changes: Any) -> dict[str, Any]:
    """What the API server of a remote says of its namespace and of its webhook."""
    bundle = base64.b64encode(root.pem).decode()
    service = {"namespace": "istio-system", "name": "istiod", "path": "/inject"}
    hooks = [
        {"name": "a", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": client}
        for client in (
            {"url": "https://localhost:1/inject", "caBundle": bundle},
            {"service": service, "caBundle": bundle},
        )
    ]
    annotations = {CONTROL_PLANES: "west"}
    return {
        "GET /api/v1/namespaces/istio-system": (200, {"metadata": {"annotations": annotations}}),
        f"GET {WEBHOOK}/istio-sidecar-injector": (200, {"metadata": {}, "webhooks": hooks}),
    } | changes


def run_check(fleet: FleetView, name: str, kubeconfig: Path) -> Any:
    return RemoteControlPlane().run_on(fleet, replace(cluster(fleet, name), kubeconfig=kubeconfig), 0.01)


def test_namespace_and_webhook_are_read_from_the_cluster_itself(
    served: FleetView, authority: Any, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    root = authority("root")
    result = run_check(rooted(served, "mesh1", root), "east", kubeconfig(serve(remote_answers(root)).url))
    assert result.ok, result.detail
    assert result.detail.endswith("through Service istio-system/istiod, https://localhost:1/inject")


@pytest.mark.parametrize("gone", ["/api/v1/namespaces/istio-system", f"{WEBHOOK}/istio-sidecar-injector"])
def test_what_is_not_there_is_reported_and_a_refusal_is_one(
    served: FleetView, authority: Any, serve: Callable[..., Any], kubeconfig: Callable[[str], Path], gone: str
) -> None:
    root = authority("root")
    result = run_check(served, "east", kubeconfig(serve(remote_answers(root) | {f"GET {gone}": (404, NOT_FOUND)}).url))
    assert (result.ok, result.detail) == (False, "east: it is not there; run `meshfleet up`")
    forbidden = (403, {"kind": "Status", "message": "you may not", "code": 403})
    result = run_check(served, "east", kubeconfig(serve(remote_answers(root) | {f"GET {gone}": forbidden}).url))
    assert (result.ok, result.detail) == (
        False,
        "the API server of east refuses: you may not; " + advice(Cause.FORBIDDEN),
    )


def test_a_mesh_of_which_status_has_no_root_is_not_served(served: FleetView, authority: Any) -> None:
    fleet = replace(served, meshes=(MeshView("mesh1", "cluster.local", None), *served.meshes[1:]))
    finding = remote_control_plane.judge(
        fleet, cluster(fleet, "east"), {CONTROL_PLANES: "west"}, injector(authority("root"))
    )
    assert not finding.passed
