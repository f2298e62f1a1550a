"""The life of one small fleet: two commands at once, an intermediate near its end, a port that is taken, other pods.

It is made by a plugin whose clock is 700 days behind: as if it had been made then. Everything else, and everything
after that, goes by the real time.
"""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509

from meshfleet.testing import CommandResult, RunningCommand, Sandbox, kill, settled, small_fleet
from meshfleet.verification.bundle import certificates
from tests.integration.clone import Clone

faults = pytest.mark.proof("locks, ports and stack files that are not as expected", step=3)

STACK = "solo"
AGE = timedelta(days=700)
CLOCK = Path("meshfleet/plugins/meshfleet/authority_inputs.py")
NOW = "return datetime.now(UTC)"


@dataclass(frozen=True)
class Solo:
    """A fleet of one cluster; `second` is what a second up said while the first, process `first`, worked."""

    sandbox: Sandbox
    first: int
    second: CommandResult


def with_pods(addresses: str) -> dict[str, Any]:
    """The configuration of one cluster whose pods have these addresses."""
    config = small_fleet("only")
    config["clusters"]["only"]["podCidr"] = addresses
    return config


def intermediate(sandbox: Sandbox) -> x509.Certificate:
    """The certificate in the cluster's `cacerts`."""
    secret = sandbox.get(STACK, "only", "secret", "cacerts", "--namespace", "istio-system")
    return certificates(base64.b64decode(secret["data"]["ca-cert.pem"]), "ca-cert.pem")[0]


def signing_until(sandbox: Sandbox) -> datetime:
    """The end of what istiod signs with, as it reports it itself."""
    port = sandbox.reservations()[f"{STACK}/istiod/only/default"]["monitoring"]
    metrics = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).text
    (value,) = re.findall(r"^citadel_server_cert_chain_expiry_timestamp(?:\{.*\})? (\S+)$", metrics, re.MULTILINE)
    return datetime.fromtimestamp(float(value), UTC)


@contextmanager
def clock_behind(sandbox: Sandbox) -> Iterator[None]:
    """Inside, the plugin that issues certificates lives `AGE` ago; nothing else does."""
    path = sandbox.project / CLOCK
    text = path.read_text(encoding="utf-8")
    assert text.count(NOW) == 1
    earlier = f"return datetime.fromtimestamp(datetime.now(UTC).timestamp() - {AGE.total_seconds()}, UTC)"
    path.write_text(text.replace(NOW, earlier), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def solo(clone: Clone) -> Iterator[Solo]:
    with clone.sandbox() as sandbox:
        clone.write_stack(STACK, with_pods("10.10.0.0/16"))
        with clock_behind(sandbox):
            lines = sandbox.start("up", "--stack", STACK)
            lines.wait_for(lambda heard: any(" created (" in line for line in heard))
            second = sandbox.meshfleet("up", "--stack", STACK, expect=None)
            assert lines.end() == 0, lines.text
        yield Solo(sandbox, lines.process.pid, second)


@faults
def test_a_second_up_at_the_same_time_says_who_holds_the_stack(solo: Solo) -> None:
    assert solo.second.code == 1
    assert f"the stack {STACK} is in use by meshfleet up --stack {STACK} (process {solo.first})" in solo.second.err


@pytest.mark.proof("an intermediate near its end shows in preview and is renewed by up", step=3)
def test_an_intermediate_near_its_end_shows_in_preview_and_up_renews_it(solo: Solo) -> None:
    sandbox = solo.sandbox
    sandbox.meshfleet("status", "--stack", STACK, "--json")
    old, now = intermediate(sandbox), datetime.now(UTC)
    assert now < old.not_valid_after_utc < now + timedelta(days=90)
    assert abs(signing_until(sandbox) - old.not_valid_after_utc) < timedelta(minutes=1)

    preview = sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json", expect=1).report
    assert [change for change in preview["changes"] if change.startswith("only: intermediate update (notAfter")]
    assert any(change.startswith("only: cacerts update") for change in preview["changes"])

    istiod = sandbox.program(STACK, "istiods/only.default", "pilot-discovery")
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    assert sandbox.program(STACK, "istiods/only.default", "pilot-discovery") == istiod
    new = intermediate(sandbox)
    assert new.serial_number != old.serial_number
    assert new.not_valid_after_utc > now + timedelta(days=700)
    assert new.issuer == old.issuer
    assert abs(signing_until(sandbox) - new.not_valid_after_utc) < timedelta(minutes=1)
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["changes"] == []


@pytest.mark.proof("a recreated cluster gets back all that was in it", step=3)
def test_another_pod_range_makes_the_cluster_anew_with_all_that_was_in_it(solo: Solo) -> None:
    sandbox = solo.sandbox
    sandbox.write_stack(STACK, with_pods("10.20.0.0/16"))
    changes = sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"]
    assert changes["create-replacement"] == changes["delete-replaced"]
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}


@faults
def test_a_port_that_somebody_took_is_named_with_its_holder_and_mended_once_it_is_free(solo: Solo) -> None:
    sandbox = solo.sandbox
    owner = f"{STACK}/cluster/only"
    port = sandbox.reservations()[owner]["kube-apiserver"]
    api_server = sandbox.program(STACK, "clusters/only", "kube-apiserver")
    kill(api_server)
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert settled(lambda: _bound(foreign, port), 20)
        foreign.listen()
        failed = sandbox.meshfleet("up", "--stack", STACK, expect=1)
        assert f"port 127.0.0.1:{port} (kube-apiserver) is taken by process {os.getpid()} (" in failed.err
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]


@faults
def test_destroy_needs_no_stack_file(solo: Solo) -> None:
    path = solo.sandbox.project / "stacks" / f"Pulumi.{STACK}.yaml"
    path.unlink()
    solo.sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert solo.sandbox.remains(STACK) == []


@faults
def test_a_new_cluster_takes_other_ports_where_somebody_has_its_usual_ones(sandbox: Sandbox) -> None:
    sandbox.write_stack("moved", small_fleet("only"))
    lines = sandbox.start("up", "--stack", "moved")
    lines.wait_for(lambda heard: any("  istiod-address created" in line for line in heard))
    kill_and_wait(lines)
    usual = sandbox.reservations()["moved/istiod/only/default"]
    sandbox.meshfleet("destroy", "--stack", "moved", "--yes")
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", usual["https"]))
        foreign.listen()
        assert sandbox.meshfleet("up", "--stack", "moved", "--json").report["ok"]
        assert usual["https"] not in sandbox.reservations()["moved/istiod/only/default"].values()
    sandbox.meshfleet("destroy", "--stack", "moved", "--yes")
    assert sandbox.remains("moved") == []


def kill_and_wait(lines: RunningCommand) -> None:
    lines.process.kill()
    lines.end()


def _bound(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
