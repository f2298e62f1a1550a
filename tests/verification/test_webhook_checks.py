"""Validation and injection are asked of the real webhooks, without leaving anything behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.verification import CheckResult, FleetView
from meshfleet.verification.checks import injection
from meshfleet.verification.checks.injection import Injection, Place, choose_place, sidecar_environment
from meshfleet.verification.checks.webhook_validation import INVALID, WebhookValidation

pytestmark = pytest.mark.proof("validation and injection webhooks are verified", step=0)

GATEWAYS = "POST /apis/networking.istio.io/v1/namespaces/istio-system/gateways"
PODS = "POST /api/v1/namespaces/sample/pods"
NAMESPACES = "GET /api/v1/namespaces"
SAMPLE = Place("sample", {}, "namespace sample")

Serve = Callable[..., Any]
Kubeconfig = Callable[[str], Path]


def pod_of(content: Any) -> Pod:
    pod = Pod.from_dict(content)
    assert isinstance(pod, Pod)
    return pod


def run_check(check: Any, fleet: FleetView, kubeconfig: Path) -> CheckResult:
    result: CheckResult = check.run_on(fleet, replace(fleet.clusters[0], kubeconfig=kubeconfig), 0.01)
    return result


def gateways(valid: tuple[int, Any], invalid: tuple[int, Any]) -> dict[str, Any]:
    def result(body: Any) -> tuple[int, Any]:
        return invalid if body["spec"]["servers"][0]["port"]["protocol"] == INVALID else valid

    return {GATEWAYS: result}


def failure(message: str, code: int = 400) -> tuple[int, Any]:
    return (code, {"kind": "Status", "status": "Failure", "message": message, "code": code})


ACCEPTED = (201, {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "p"}})


def test_a_refusal_by_istiods_webhook_holds(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    server = serve(gateways(ACCEPTED, (400, recorded("refused.json"))))
    result = run_check(WebhookValidation(), fleet, kubeconfig(server.url))
    assert result.ok
    assert 'west: admission webhook "validation.istio.io" denied the request' in result.detail
    assert all("dryRun=All" in request for request, _ in server.requests)


def test_an_invalid_resource_that_is_accepted_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig
) -> None:
    result = run_check(WebhookValidation(), fleet, kubeconfig(serve(gateways(ACCEPTED, ACCEPTED)).url))
    assert not result.ok
    assert "west accepted a Gateway with protocol NO-SUCH-PROTOCOL" in result.detail


def test_a_silent_webhook_is_reported_as_such(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    silent = (500, recorded("webhook-silent.json"))
    result = run_check(WebhookValidation(), fleet, kubeconfig(serve(gateways(silent, silent)).url))
    assert not result.ok
    assert "failed calling webhook" in result.detail
    assert "is its istiod running?" in result.detail


def test_a_webhook_that_refuses_everything_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    refused = (400, recorded("refused.json"))
    result = run_check(WebhookValidation(), fleet, kubeconfig(serve(gateways(refused, refused)).url))
    assert not result.ok
    assert "west rejected a valid Gateway" in result.detail


@pytest.mark.parametrize(
    "other",
    [failure("Gateway is invalid: spec.servers: Required value", 422), failure("no such resource", 404)],
)
def test_a_refusal_by_anybody_else_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, other: tuple[int, Any]
) -> None:
    result = run_check(WebhookValidation(), fleet, kubeconfig(serve(gateways(ACCEPTED, other)).url))
    assert not result.ok
    assert "the API server of west refuses" in result.detail


def test_an_injected_pod_with_this_clusters_names_holds(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    marked = {"metadata": {"name": "sample", "labels": {"istio-injection": "enabled"}}}
    server = serve({NAMESPACES: (200, {"items": [marked]}), PODS: (201, recorded("injected-pod.json"))})
    result = run_check(Injection(), fleet, kubeconfig(server.url))
    assert result.ok, result.detail
    assert "gets istio-proxy of cluster west, network net-west, mesh mesh1" in result.detail
    assert any(request.startswith(PODS) and "dryRun=All" in request for request, _ in server.requests)


def test_a_pod_that_comes_back_bare_does_not_hold(fleet: FleetView) -> None:
    bare = pod_of({"spec": {"containers": [{"name": "probe"}]}})
    finding = injection.judge(fleet.clusters[0], SAMPLE, sidecar_environment(bare))
    assert not finding.passed
    assert "was created without istio-proxy" in finding.detail
    assert sidecar_environment(Pod()) is None


def test_a_native_sidecar_is_found_among_the_init_containers(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    pod = recorded("injected-pod.json")
    proxy = next(c for c in pod["spec"]["containers"] if c["name"] == "istio-proxy")
    pod["spec"]["containers"].remove(proxy)
    pod["spec"].setdefault("initContainers", []).append(proxy)
    assert injection.judge(fleet.clusters[0], SAMPLE, sidecar_environment(pod_of(pod))).passed


def test_a_sidecar_of_another_cluster_does_not_hold(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    environment = sidecar_environment(pod_of(recorded("injected-pod.json")))
    finding = injection.judge(fleet.clusters[1], SAMPLE, environment)
    assert not finding.passed
    assert "ISTIO_META_CLUSTER_ID is west, expected east" in finding.detail
    assert "ISTIO_META_NETWORK is net-west, expected net-east" in finding.detail


@pytest.mark.parametrize(
    ("declared", "revision", "namespaces", "where", "labels"),
    [
        (("shop",), "default", {"sample": {"istio-injection": "enabled"}}, "shop", {}),
        ((), "default", {"a": {}, "sample": {"istio-injection": "enabled"}}, "sample", {}),
        (
            (),
            "default",
            {"a": {"istio-injection": "disabled"}},
            "default",
            {"sidecar.istio.io/inject": "true"},
        ),
        ((), "blue", {"sample": {"istio-injection": "enabled"}}, "default", {"istio.io/rev": "blue"}),
        ((), "blue", {"sample": {"istio.io/rev": "blue"}}, "sample", {}),
        (
            (),
            "blue",
            {"s": {"istio.io/rev": "blue", "istio-injection": "disabled"}},
            "default",
            {"istio.io/rev": "blue"},
        ),
    ],
)
def test_the_pod_is_tried_where_injection_is_on(
    fleet: FleetView,
    declared: tuple[str, ...],
    revision: str,
    namespaces: dict[str, dict[str, str]],
    where: str,
    labels: dict[str, str],
) -> None:
    west = fleet.clusters[0]
    west = replace(west, injected_namespaces=declared, control_plane=replace(west.control_plane, revision=revision))
    place = choose_place(west, namespaces)
    assert (place.namespace, place.labels) == (where, labels)
