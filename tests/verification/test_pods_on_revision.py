"""Proxies of a revision that is to go are found before it goes, and nobody else is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.verification import FleetView
from meshfleet.verification.check import Finding
from meshfleet.verification.checks.pods_on_revision import PodsOnRevision, judge
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof("an upgrade by revision is walked stage by stage across clusters, and back", step=0)


def pod(name: str, revision: str | None = None, *, phase: str = "Running", injected: bool = True) -> dict[str, Any]:
    """A pod of the namespace `shop` that was injected by `revision`; by one without a name if that is None."""
    annotations = {"sidecar.istio.io/status": "{}"} if injected else {}
    if revision:
        annotations["istio.io/rev"] = revision
    return {"metadata": {"name": name, "namespace": "shop", "annotations": annotations}, "status": {"phase": phase}}


def going_to(fleet: FleetView, revision: str, gateways: str = "") -> ClusterView:
    west = fleet.clusters[0]
    return replace(west, control_plane=replace(west.control_plane, revision=revision, gateway_revision=gateways))


def judged(cluster: ClusterView, *pods: dict[str, Any]) -> Finding:
    found = [Pod.from_dict(content) for content in pods]
    return judge(cluster, [one for one in found if isinstance(one, Pod)])


def test_proxies_of_workloads_and_of_gateways_hold_where_they_are_to_be(fleet: FleetView) -> None:
    finding = judged(going_to(fleet, "green", "blue"), pod("a", "green"), pod("gateway", "blue"))
    assert (finding.passed, finding.detail) == (True, "all 2 proxies of west are on blue or green")


def test_gateways_are_where_workloads_are_when_nothing_else_is_said(fleet: FleetView) -> None:
    assert judged(going_to(fleet, "green"), pod("a", "green")).passed
    assert not judged(going_to(fleet, "green"), pod("gateway", "blue")).passed


@pytest.mark.parametrize(("injected_by", "told"), [("blue", "blue"), (None, "default")])
def test_a_proxy_of_another_revision_is_named_with_what_to_do(
    fleet: FleetView, injected_by: str | None, told: str
) -> None:
    finding = judged(going_to(fleet, "green"), pod("b", injected_by), pod("a", "green"))
    assert not finding.passed
    assert finding.detail.startswith(f"1 of 2 proxies of west are not on revision green: shop/b ({told});")
    assert "kubectl rollout restart" in finding.detail


def test_of_many_the_first_are_named(fleet: FleetView) -> None:
    finding = judged(going_to(fleet, "green"), *(pod(f"p{number}", "blue") for number in reversed(range(9))))
    assert "shop/p0 (blue), shop/p1 (blue), shop/p2 (blue) and 6 more;" in finding.detail


@pytest.mark.parametrize("left_out", [{"phase": "Succeeded"}, {"phase": "Failed"}, {"injected": False}])
def test_a_pod_without_a_proxy_or_at_its_end_does_not_count(fleet: FleetView, left_out: dict[str, Any]) -> None:
    finding = judged(going_to(fleet, "green"), pod("job", "blue", **left_out))
    assert (finding.passed, finding.detail) == (True, "all 0 proxies of west are on green")


def test_a_pod_without_any_metadata_has_no_proxy(fleet: FleetView) -> None:
    assert judged(going_to(fleet, "green"), {"status": {"phase": "Running"}}).passed


def test_the_pods_of_all_namespaces_are_read(
    fleet: FleetView, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    server = serve({"GET /api/v1/pods": (200, {"metadata": {}, "items": [pod("a", "blue")]})})
    west = replace(going_to(fleet, "green"), kubeconfig=kubeconfig(server.url))
    answer = PodsOnRevision().run_on(fleet, west, 0.01)
    assert (answer.ok, "shop/a (blue)" in answer.detail) == (False, True)
