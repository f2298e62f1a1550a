"""Proxies that would not hear of another root in time are found before one of the roots goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.errors import VerificationError
from meshfleet.verification import ALL, FleetView
from meshfleet.verification.checks import BETWEEN_STAGES, named
from meshfleet.verification.checks.proxies_take_roots import ProxiesTakeRoots, judge
from meshfleet.verification.injected_view import InjectedView

pytestmark = pytest.mark.proof("no root goes before every proxy has heard of the next", step=0)

SETTING = {"name": "PROXY_CONFIG_XDS_AGENT", "value": "true"}


def pod(name: str, *containers: dict[str, Any], phase: str = "Running", native: bool = False) -> dict[str, Any]:
    """A pod of the namespace `shop`; with `native` its proxy is a sidecar of the cluster's own kind."""
    spec = {"containers": [{"name": "app"}, *([] if native else containers)]}
    if native:
        spec["initContainers"] = list(containers)
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": {"phase": phase}}


def proxy(*env: dict[str, Any]) -> dict[str, Any]:
    return {"name": "istio-proxy", "env": [{"name": "ISTIO_META_CLUSTER_ID", "value": "west"}, *env]}


def judged(fleet: FleetView, *pods: dict[str, Any]) -> Any:
    found = [Pod.from_dict(content) for content in pods]
    return judge(fleet, fleet.clusters[0], [one for one in found if isinstance(one, Pod)])


@pytest.mark.parametrize("native", [False, True])
def test_proxies_with_the_setting_hold_wherever_they_are_in_the_pod(fleet: FleetView, native: bool) -> None:
    finding = judged(fleet, pod("a", proxy(SETTING), native=native), pod("without-a-proxy"))
    assert finding.passed
    assert finding.detail == "all 1 proxies of west reload roots immediately"


@pytest.mark.parametrize("env", [(), ({"name": "PROXY_CONFIG_XDS_AGENT", "value": "false"},)])
@pytest.mark.parametrize("native", [False, True])
def test_a_proxy_without_it_is_named_with_what_to_do(fleet: FleetView, env: Any, native: bool) -> None:
    finding = judged(fleet, pod("b", proxy(*env), native=native), pod("a", proxy(SETTING)))
    assert not finding.passed
    assert finding.detail.startswith("1 of 2 proxies of west reload roots only when")
    assert "shop/b" in finding.detail
    assert finding.detail.endswith("restart their workloads")


def test_a_ztunnel_holds_that_was_made_for_the_roots_of_the_mesh(fleet: FleetView) -> None:
    mesh = replace(fleet.meshes[0], root_fingerprint="11" * 32, other_roots=("33" * 32,))
    rotating = replace(fleet, meshes=(mesh, fleet.meshes[1]))
    ztunnel = pod("ztunnel", proxy())
    for roots, holds in ((("11" * 32, "33" * 32), True), (("33" * 32, "11" * 32), False), (("11" * 32,), False)):
        ztunnel["metadata"]["annotations"] = {"meshfleet/roots": ",".join(roots)}
        assert judged(rotating, ztunnel).passed is holds


def test_of_many_the_first_are_named(fleet: FleetView) -> None:
    finding = judged(fleet, *(pod(f"p{number}", proxy()) for number in range(9)))
    assert "shop/p0, shop/p1, shop/p2 and 6 more" in finding.detail


def test_a_proxy_that_asks_what_does_not_sign_any_more_is_named(fleet: FleetView) -> None:
    address = "cert-manager-istio-csr.istio-system.svc:443"
    signed = replace(fleet, clusters=(replace(fleet.clusters[0], injected=InjectedView({"caAddress": address})),))
    asks = proxy(SETTING, {"name": "CA_ADDR", "value": address})
    before = proxy(SETTING, {"name": "CA_ADDR", "value": "istiod.istio-system.svc:15012"})
    assert judged(signed, pod("a", asks)).passed
    finding = judged(signed, pod("a", asks), pod("b", before))
    assert not finding.passed
    assert finding.detail.startswith("1 of 2 proxies of west request certificates where none are signed any more")
    assert "shop/b" in finding.detail
    # Where istiod signs, each asks the one of its revision (pods-as-declared).
    assert judged(fleet, pod("b", before)).passed


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_talks_to_nobody(fleet: FleetView, phase: str) -> None:
    assert judged(fleet, pod("job", proxy(), phase=phase)).passed


def test_a_cluster_without_proxies_holds(fleet: FleetView) -> None:
    assert judged(fleet).passed


def test_the_pods_of_all_namespaces_are_read(
    fleet: FleetView, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    server = serve({"GET /api/v1/pods": (200, {"metadata": {}, "items": [pod("a", proxy())]})})
    west = replace(fleet.clusters[0], kubeconfig=kubeconfig(server.url))
    answer = ProxiesTakeRoots().run_on(fleet, west, 0.01)
    assert (answer.ok, "shop/a" in answer.detail) == (False, True)


def test_checks_between_stages_are_found_by_name_and_not_run_by_verify() -> None:
    assert [check.name for check in named(["proxies-take-roots", "trust"])] == ["proxies-take-roots", "trust"]
    assert not {check.name for check in ALL} & {check.name for check in BETWEEN_STAGES}
    with pytest.raises(VerificationError, match="there is no check roots; the checks are cluster-identity, "):
        named(["roots"])
