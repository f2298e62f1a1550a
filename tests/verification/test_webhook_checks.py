"""Validation and injection are asked of the real webhooks, without leaving anything behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.verification import Answer, FleetView
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


def ask(check: Any, fleet: FleetView, kubeconfig: Path) -> Answer:
    answer: Answer = check.ask_about(fleet, replace(fleet.clusters[0], kubeconfig=kubeconfig), 0.01)
    return answer


def gateways(valid: tuple[int, Any], invalid: tuple[int, Any]) -> dict[str, Any]:
    def answer(body: Any) -> tuple[int, Any]:
        return invalid if body["spec"]["servers"][0]["port"]["protocol"] == INVALID else valid

    return {GATEWAYS: answer}


def failure(message: str, code: int = 400) -> tuple[int, Any]:
    return (code, {"kind": "Status", "status": "Failure", "message": message, "code": code})


ACCEPTED = (201, {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "p"}})


def test_a_refusal_by_istiods_webhook_holds(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    server = serve(gateways(ACCEPTED, (400, recorded("refused.json"))))
    answer = ask(WebhookValidation(), fleet, kubeconfig(server.url))
    assert answer.ok
    assert 'west: admission webhook "validation.istio.io" denied the request' in answer.detail
    assert all("dryRun=All" in request for request, _ in server.requests)


def test_an_invalid_resource_that_is_accepted_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig
) -> None:
    answer = ask(WebhookValidation(), fleet, kubeconfig(serve(gateways(ACCEPTED, ACCEPTED)).url))
    assert not answer.ok
    assert "west accepted a Gateway with protocol NO-SUCH-PROTOCOL" in answer.detail


def test_a_silent_webhook_is_told_as_such(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    silent = (500, recorded("webhook-silent.json"))
    answer = ask(WebhookValidation(), fleet, kubeconfig(serve(gateways(silent, silent)).url))
    assert not answer.ok
    assert "failed calling webhook" in answer.detail
    assert "is its istiod running?" in answer.detail


def test_a_webhook_that_refuses_everything_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    refused = (400, recorded("refused.json"))
    answer = ask(WebhookValidation(), fleet, kubeconfig(serve(gateways(refused, refused)).url))
    assert not answer.ok
    assert "west refused a valid Gateway" in answer.detail


@pytest.mark.parametrize(
    "other",
    [failure("Gateway is invalid: spec.servers: Required value", 422), failure("no such resource", 404)],
)
def test_a_refusal_by_anybody_else_does_not_hold(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, other: tuple[int, Any]
) -> None:
    answer = ask(WebhookValidation(), fleet, kubeconfig(serve(gateways(ACCEPTED, other)).url))
    assert not answer.ok
    assert "the API server of west refuses" in answer.detail


def test_an_injected_pod_with_this_clusters_names_holds(
    fleet: FleetView, serve: Serve, kubeconfig: Kubeconfig, recorded: Callable[[str], Any]
) -> None:
    marked = {"metadata": {"name": "sample", "labels": {"istio-injection": "enabled"}}}
    server = serve({NAMESPACES: (200, {"items": [marked]}), PODS: (201, recorded("injected-pod.json"))})
    answer = ask(Injection(), fleet, kubeconfig(server.url))
    assert answer.ok, answer.detail
    assert "gets istio-proxy of cluster west, network net-west, mesh mesh1" in answer.detail
    assert any(request.startswith(PODS) and "dryRun=All" in request for request, _ in server.requests)


def test_a_pod_that_comes_back_bare_does_not_hold(fleet: FleetView) -> None:
    bare = pod_of({"spec": {"containers": [{"name": "probe"}]}})
    finding = injection.judge(fleet.clusters[0], SAMPLE, sidecar_environment(bare))
    assert not finding.holds
    assert "came back without istio-proxy" in finding.detail
    assert sidecar_environment(Pod()) is None


def test_a_native_sidecar_is_found_among_the_init_containers(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    pod = recorded("injected-pod.json")
    proxy = next(c for c in pod["spec"]["containers"] if c["name"] == "istio-proxy")
    pod["spec"]["containers"].remove(proxy)
    pod["spec"].setdefault("initContainers", []).append(proxy)
    assert injection.judge(fleet.clusters[0], SAMPLE, sidecar_environment(pod_of(pod))).holds


def test_a_sidecar_of_another_cluster_does_not_hold(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    environment = sidecar_environment(pod_of(recorded("injected-pod.json")))
    finding = injection.judge(fleet.clusters[1], SAMPLE, environment)
    assert not finding.holds
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
