"""Checks of istiods and workloads that are pods, through an API server that speaks exec, log and proxy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from meshfleet.automation.staged_up import refused_by
from meshfleet.errors import VerificationError
from meshfleet.verification import ALL, Check, CheckResult, run
from meshfleet.verification.access import istiod_access, pod_access
from meshfleet.verification.checks import named
from meshfleet.verification.not_allowed import NotAllowedError
from meshfleet.verification.traffic import Target
from meshfleet.verification.view import GatewayView
from meshfleet.verification.workload_view import RunningPod
from tests.pod_servers import Command, exited, failure
from tests.verification.access.conftest import ECHO, ISTIOD, OTHER, RealPods, printed

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=2)

OF_ISTIODS = (
    "clusters-synced",
    "network-gateways",
    "endpoint-shards",
    "endpoints-as-declared",
    "mesh-config",
    "proxies-synced",
)
TRAFFIC = ("traffic-reach", "traffic-refused", "traffic-plaintext")
SENT = ("traffic-reach", "traffic-refused", "traffic-wire")
FORBIDDEN = failure(403, 'pods "x" is forbidden: User "viewer" cannot create resource "pods/exec"')


def result(real: RealPods, name: str, seconds: float = 0.1) -> CheckResult:
    (check,) = named((name,))
    return check.run_on(real.fleet, real.west, seconds)


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


# --- what a cluster does not allow is skipped, with the reason ---

NOT_ALLOWED: dict[str, Callable[[Command], None]] = {
    "RBAC": lambda command: command.refuse(403, FORBIDDEN),
    "a policy": lambda command: command.refuse(403, failure(403, 'admission webhook "no-exec" denied the request')),
    "no such operation": lambda command: command.refuse(405, failure(405, "exec is not supported", "MethodNotAllowed")),
    "a proxy without upgrades": lambda command: command.refuse(400, b"Upgrade request required", "text/plain"),
    "no program": lambda command: command.print(
        status=failure(500, 'exec: "x": executable file not found in $PATH', "InternalError")
    ),
    "exit 127": lambda command: command.print(err="sh: not found", status=exited(127)),
}


@pytest.mark.parametrize("why", NOT_ALLOWED)
@pytest.mark.parametrize("name", [*OF_ISTIODS, *SENT])
def test_a_check_that_the_cluster_does_not_allow_is_skipped_with_the_reason(
    real: RealPods, name: str, why: str
) -> None:
    real.server.run = NOT_ALLOWED[why]
    found = result(real, name, 30)
    assert found.not_allowed, found.detail
    assert found.seconds < 5
    program = {"traffic-wire": "pilot-agent"}.get(name, "client" if name in TRAFFIC else "pilot-discovery")
    assert f"west: cannot run {program} in " in found.detail


@pytest.mark.parametrize("name", ["traffic-plaintext", *OF_ISTIODS])
def test_pods_that_may_not_be_listed_or_called_are_a_reason_too(real: RealPods, name: str) -> None:
    real.server.refused["proxy" if name == "traffic-plaintext" else "exec"] = FORBIDDEN
    found = result(real, name)
    assert found.not_allowed
    assert "forbidden" in found.detail


def test_skipped_checks_are_in_the_report_and_a_report_of_them_alone_is_not_ok(real: RealPods) -> None:
    real.server.refused["exec"] = FORBIDDEN
    report = run(real.fleet, named(("clusters-synced", "traffic-reach")), timeout=1)
    assert not report.ok
    assert report.results == ()
    assert {(one.name, one.cluster) for one in report.not_run} == {
        (name, cluster) for name in ("clusters-synced", "traffic-reach") for cluster in ("west", "east")
    }
    assert all("cannot create resource" in one.reason for one in report.not_run)
    assert {"name", "cluster", "reason"} == set(report.as_json()["notRun"][0])


def test_a_precondition_that_may_not_be_checked_does_not_count_as_met(real: RealPods) -> None:
    real.server.refused["exec"] = FORBIDDEN
    lines = refused_by(run(real.fleet, named(("clusters-synced",)), timeout=1))
    assert len(lines) == 2
    assert lines[0].startswith("east: clusters-synced cannot be checked: east: cannot run pilot-discovery")


# --- hostile answers ---


def endless(command: Command) -> None:
    command.switch()
    while True:
        command.send(Ping(b"x"))
        time.sleep(0.01)


def flood(command: Command) -> None:
    command.switch()
    while True:
        command.message(1, b"x" * 65536)


def silent(command: Command) -> None:
    command.switch()
    time.sleep(3)


def half(command: Command) -> None:
    command.switch()
    command.send(BytesMessage(data=b"\x01[", message_finished=False))
    command.send(CloseConnection(1011, "lost"))


def spoken(command: Command) -> None:
    command.switch()
    command.send(TextMessage(data="hello"))


def other_protocol(command: Command) -> None:
    command.switch("binary.k8s.io")
    command.message(1, "[]")


def garbled(command: Command) -> None:
    command.switch()
    command.raw(b"\xff" * 100)


HOSTILE: dict[str, Callable[[Command], None]] = {
    "no JSON": lambda command: command.print("<html>\x1b[2J"),
    "other JSON": lambda command: command.print('{"x": [1, null, {"y": "z"}]}'),
    "deep JSON": lambda command: command.print("[" * 100_000),
    "nothing": lambda command: command.print(""),
    "exit 1 with errors": lambda command: command.print("", "Error: received status 500\x1b[2J", exited(1)),
    "exit without a code": lambda command: command.print(
        "[]", status={"status": "Failure", "reason": "NonZeroExitCode"}
    ),
    "no status": lambda command: command.print("[]", status={"status": "?"}),
    "not found": lambda command: command.refuse(404, failure(404, 'pods "x" not found', "NotFound")),
    "unauthorized": lambda command: command.refuse(401, failure(401, "Unauthorized", "Unauthorized")),
    "broken": lambda command: command.refuse(500, failure(500, "etcdserver: timeout", "InternalError")),
    "a login page": lambda command: command.refuse(200, b"<html>log in</html>", "text/html"),
    "a web page of an error": lambda command: command.refuse(502, b"<html>bad gateway</html>", "text/html"),
    "a redirect": lambda command: command.raw(b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
    "no HTTP": lambda command: command.raw(b"\x00\x01\x02"),
    "no WebSocket": garbled,
    "another protocol": other_protocol,
    "text": spoken,
    "half": half,
    "endless": endless,
    "flood": flood,
    "silent": silent,
}


@pytest.mark.parametrize("why", HOSTILE)
def test_no_answer_of_a_command_makes_a_check_pass_hang_or_raise(real: RealPods, why: str) -> None:
    real.server.run = HOSTILE[why]
    west = real.west
    checks = [check for check in ALL if check.name in (*OF_ISTIODS, *SENT)]
    started = time.monotonic()
    with ThreadPoolExecutor(len(checks)) as pool:
        results = list(pool.map(lambda check: check.run_on(real.fleet, west, 0.2), checks))
    assert time.monotonic() - started < 12
    for one in results:
        assert not one.not_allowed, one
        # An istiod that knows nothing is not wrong about its proxies where no pod is injected.
        assert not one.ok or (one.name == "proxies-synced" and why in ("nothing", "other JSON")), one
        assert one.detail.isprintable()
        assert one.detail


def test_a_server_that_is_gone_is_a_failure_and_not_a_reason_to_skip(real: RealPods, tmp_path: Path) -> None:
    text = real.west.kubeconfig.read_text(encoding="utf-8").replace(real.server.url, "http://127.0.0.1:1")
    real.west.kubeconfig.write_text(text, encoding="utf-8")
    for name in (*OF_ISTIODS, *TRAFFIC):
        found = result(real, name)
        assert (found.ok, found.not_allowed, found.unreachable) == (False, False, True), name


def test_an_access_raises_what_it_documents(real: RealPods) -> None:
    caller = RunningPod("uid", "10.0.0.2", "echo-v1-1", "sample")
    access = pod_access(real.fleet, real.west)
    real.server.refused["exec"] = FORBIDDEN
    with pytest.raises(NotAllowedError):
        access.send(caller, Target("10.96.0.7", 80, ECHO.host), 1, 5)
    none = pod_access(real.fleet, replace(real.west, pods="simulated"))
    with pytest.raises(VerificationError, match="do not run"):
        none.send(caller, Target("10.96.0.7", 80, ECHO.host), 1, 5)


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
