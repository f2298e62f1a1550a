"""Checks of istiods and workloads that are pods, through an API server that speaks exec, log and proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.verification import Check, run
from meshfleet.verification.access import istiod_access
from meshfleet.verification.checks import named
from meshfleet.verification.view import GatewayView
from tests.pod_servers import Command, exited, failure
from tests.verification.access.asked import FORBIDDEN, OF_ISTIODS, TRAFFIC, result
from tests.verification.access.conftest import ECHO, ISTIOD, OTHER, RealPods, printed

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=2)


def targets(real: RealPods, check: Check) -> list[str]:
    return [one.name for one in check.targets(real.fleet)]


# --- what is asked, and that it passes ---


@pytest.mark.parametrize("name", [*OF_ISTIODS, *TRAFFIC])
def test_a_healthy_fleet_passes_and_a_cluster_with_real_pods_is_a_target(real: RealPods, name: str) -> None:
    (check,) = named((name,))
    assert targets(real, check) == ["west", "east"]
    if name in ("mesh-config", "endpoints-as-declared"):
        # The recorded fleet declares other places and settings than this one: that it was read and judged suffices.
        assert "istiod of west" in result(real, name).detail
        return
    found = result(real, name)
    assert (found.ok, found.not_allowed) == (True, False), found.detail


def test_the_debug_api_is_read_by_a_command_in_the_pod_of_istiod(real: RealPods) -> None:
    (page,) = istiod_access(real.fleet, real.west).pages("clusterz", 5)
    assert page.istiod == ISTIOD
    assert real.server.commands == [[ISTIOD, "discovery", "pilot-discovery", "request", "GET", "/debug/clusterz"]]


def test_requests_are_sent_by_the_echo_client_a_few_at_a_time(real: RealPods) -> None:
    assert "west 100" in result(real, "traffic-reach").detail
    sent = [one for one in real.server.commands if one[2] == "client"]
    assert [one[0] for one in sent] == ["echo-v1-1"] * 7
    assert [one[4] for one in sent] == ["--count=32"] * 6 + ["--count=8"]
    assert {one[6] for one in sent} == {"--header=Host:echo.sample.svc.cluster.local"}


def test_every_istiod_of_a_control_plane_is_judged(real: RealPods, recorded_run: Callable[[Command], None]) -> None:
    real.server.add("istiod-second", "istio-system", {"app": "istiod", "istio.io/rev": "default"})
    assert result(real, "clusters-synced").detail.endswith("(the same of 2 istiods)")
    healthy = real.server.run

    def second_knows_nothing(command: Command) -> None:
        (command.print("[]") if real.server.commands[-1][0] == "istiod-second" else healthy(command))

    real.server.run = second_knows_nothing
    found = result(real, "clusters-synced")
    assert not found.ok
    assert found.detail.startswith("istiod-second: ")


def test_proxies_connected_to_any_istiod_count(real: RealPods) -> None:
    real.server.add("istiod-second", "istio-system", {"app": "istiod", "istio.io/rev": "default"})
    healthy = real.server.run
    real.server.run = lambda command: command.print("[]") if real.server.commands[-1][0] == ISTIOD else healthy(command)
    assert "proxies accepted" in result(real, "proxies-synced").detail


def test_pods_that_are_not_ready_are_not_asked(real: RealPods) -> None:
    real.server.pods.clear()
    real.server.add(ISTIOD, "istio-system", {"app": "istiod", "istio.io/rev": "default"}, ready=False)
    found = result(real, "clusters-synced")
    assert not found.ok
    assert not found.not_allowed
    assert "no pod of istiod default in namespace istio-system of west is ready" in found.detail


def test_an_istiod_elsewhere_is_asked_in_the_cluster_that_runs_it(real: RealPods) -> None:
    west, east = real.fleet.clusters
    external = replace(east.control_plane, kind="external", of="west", namespace="external-east")
    east = replace(east, control_plane=external, kubeconfig=Path("/nowhere"))
    real.server.add("istiod-east", "external-east", {"app": "istiod", "istio.io/rev": "default"})
    fleet = replace(real.fleet, clusters=(west, east))
    (page,) = istiod_access(fleet, east).pages("clusterz", 5)
    assert page.istiod == "istiod-east"


def test_the_log_of_istiod_explains_a_cluster_that_it_cannot_read(real: RealPods) -> None:
    real.server.logs[ISTIOD] = (
        "2026-11-27T12:00:00Z\terror\twatch error in cluster east: failed to list *v1.Pod: Unauthorized\n"
    )
    real.server.run = lambda command: command.print('[{"id": "west", "syncStatus": "synced"}]')
    assert istiod_access(real.fleet, real.west).log(5) == real.server.logs[ISTIOD]
    real.server.run = lambda command: command.print(
        '[{"id": "west", "syncStatus": "synced"}, {"id": "east", "secretName": "s", "syncStatus": "timeout"}]'
    )
    found = result(real, "clusters-synced")
    assert "its istiod reports: Unauthorized" in found.detail


def test_a_log_that_may_not_be_read_leaves_the_finding_as_it_is(real: RealPods) -> None:
    real.server.refused["log"] = FORBIDDEN
    assert istiod_access(real.fleet, real.west).log(5) == ""


# --- what is wrong in the mesh is still found ---


def test_a_wrong_caller_and_a_lost_request_fail(real: RealPods) -> None:
    real.server.run = lambda command: command.print("".join(printed(n, 200, "west", "spiffe://x") for n in range(32)))
    assert "the caller was identified as spiffe://x" in result(real, "traffic-reach").detail
    lost = "fatal\tError 32/32 requests had errors; first error: dial tcp: i/o timeout\n"
    real.server.run = lambda command: command.print(lost, status=exited(1))
    found = result(real, "traffic-reach")
    assert "32 of 32 failed" in found.detail
    assert "i/o timeout" in found.detail
    assert not found.not_allowed


def test_a_caller_that_is_let_in_against_the_policy_fails(real: RealPods) -> None:
    real.server.run = lambda command: command.print("".join(printed(n, 200, "west") for n in range(10)))
    assert not result(real, "traffic-refused").ok


def answering(code: int, body: bytes) -> Callable[[str, int, str], tuple[int, bytes, str]]:
    """A pod that is ready, and answers clear text on its other ports."""
    return lambda _, port, __: (200, b"", "text/plain") if port == 15021 else (code, body, "text/plain")


def test_clear_text_that_is_answered_fails_and_a_reset_passes(real: RealPods) -> None:
    assert "connection reset by peer" in result(real, "traffic-plaintext").detail
    for code, body in ((200, b"Hostname=echo"), (403, b"RBAC: access denied"), (503, b"upstream connect error")):
        real.server.proxied = answering(code, body)
        found = result(real, "traffic-plaintext")
        assert not found.ok
        assert not found.not_allowed
        assert "the mesh requires mutual TLS" in found.detail


def test_clear_text_proves_nothing_where_the_api_server_does_not_reach_pods(real: RealPods) -> None:
    unreached = failure(503, "error trying to reach service: dial tcp 10.0.0.2:15021: i/o timeout")
    real.server.proxied = lambda *_: (503, json.dumps(unreached).encode(), "application/json")
    found = result(real, "traffic-plaintext")
    assert found.not_allowed
    assert "the API server of west does not reach sample/echo-v1-1" in found.detail
    # It reaches the pod's probe and not its port: what ended the request is not known.
    real.server.proxied = lambda _, port, __: (
        (200, b"", "text/plain") if port == 15021 else (503, json.dumps(unreached).encode(), "application/json")
    )
    found = result(real, "traffic-plaintext")
    assert not found.ok
    assert not found.not_allowed


# --- what is a target ---


def test_without_an_echo_workload_requests_are_skipped_with_the_reason(real: RealPods) -> None:
    own = tuple(replace(one, echo=False) for one in (ECHO, OTHER))
    fleet = replace(
        real.fleet,
        clusters=tuple(
            replace(one, workloads=(*own, replace(ECHO, name="far", replicas={}))) for one in real.fleet.clusters
        ),
    )
    report = run(fleet, named(TRAFFIC[:1]), timeout=1)
    assert report.results == ()
    assert {one.reason.partition(",")[0] for one in report.not_run} == {
        "none of its pods in the mesh has Istio's echo image"
    }
    without = replace(fleet, clusters=tuple(replace(one, workloads=()) for one in fleet.clusters))
    assert run(without, named(TRAFFIC), timeout=1).not_run == ()


def test_where_requests_leave_the_network_is_read_from_the_proxy_that_sends_them(
    real: RealPods, recorded: Callable[[str], Any]
) -> None:
    gateway = GatewayView("172.30.1.3", 15443)
    clusters = (
        replace(real.west, workloads=(ECHO,)),
        replace(real.fleet.clusters[1], workloads=(ECHO,), gateway=gateway),
    )
    fleet = replace(real.fleet, clusters=clusters)
    healthy, pages = real.server.run, iter(range(100))
    dump = recorded("envoy-config-dump.json")

    def run_command(command: Command) -> None:
        if command.arguments[0] != "pilot-agent":
            healthy(command)
        elif command.arguments[3].startswith("clusters"):
            far = recorded("envoy-clusters.json")
            host = far["cluster_statuses"][0]["host_statuses"][1]
            host["stats"] = [{"name": "rq_total", "value": str(7 * next(pages))}]
            far["cluster_statuses"][0]["host_statuses"] = [host]
            command.print("warn\tno CA\n" + json.dumps(far))
        else:
            command.print(json.dumps(dump))

    real.server.run = run_command
    (check,) = named(("traffic-wire",))
    found = check.run_on(fleet, clusters[0], 0.1)
    assert found.ok, found.detail
    assert found.detail.endswith("east 172.30.1.3:15443 7")
    assert [one[1] for one in real.server.commands if one[2] == "pilot-agent"] == ["istio-proxy"] * 4
    elsewhere = replace(fleet, clusters=(clusters[0], replace(clusters[1], gateway=GatewayView("10.1.1.1", 15443))))
    assert "not to a gateway: 172.30.1.3:15443" in check.run_on(elsewhere, clusters[0], 0.1).detail
    dump["configs"] = []
    assert "not TLS: 172.30.1.3:15443" in check.run_on(fleet, clusters[0], 0.1).detail
    named_gateway = replace(fleet, clusters=(clusters[0], replace(clusters[1], gateway=GatewayView("lb.example"))))
    assert check.run_on(named_gateway, clusters[0], 0.1).not_allowed


def test_workloads_that_are_all_routed_or_closed_are_skipped_and_no_error(real: RealPods) -> None:
    def of(*workloads: object) -> dict[str, str]:
        clusters = tuple(replace(one, workloads=workloads) for one in real.fleet.clusters)  # type: ignore[arg-type]
        fleet = replace(real.fleet, clusters=clusters)
        (check,) = named(("traffic-reach",))
        assert check.targets(fleet) == ()
        return dict(check.skipped(fleet))

    assert "routed by weight or header" in of(replace(ECHO, routed=True))["west"]
    closed = replace(ECHO, allowed_callers=("sample/nobody",))
    assert "allowedCallers" in of(closed)["west"]
    assert "allowedCallers" in of(closed, replace(ECHO, name="cart", routed=True))["east"]
