"""Checks through an API server that allows less than they need, or answers what no API server should."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from meshfleet.automation.staged_up import refused_by
from meshfleet.errors import VerificationError
from meshfleet.verification import ALL, run
from meshfleet.verification.access import pod_access
from meshfleet.verification.checks import named
from meshfleet.verification.not_allowed import NotAllowedError
from meshfleet.verification.traffic import Target
from meshfleet.verification.workload_view import RunningPod
from tests.pod_servers import Command, exited, failure
from tests.verification.access.asked import FORBIDDEN, OF_ISTIODS, SENT, TRAFFIC, result
from tests.verification.access.conftest import ECHO, RealPods

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=2)

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
        # So often that no timeout between two frames ends it, and not so often that it takes the processor.
        time.sleep(0.01)


def flood(command: Command) -> None:
    command.switch()
    while True:
        command.message(1, b"x" * 65536)


def silent(command: Command) -> None:
    command.switch()
    # Longer than the check waits: there is no condition, since nothing is to happen.
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
def test_no_response_of_a_command_makes_a_check_pass_hang_or_raise(real: RealPods, why: str) -> None:
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
