"""An intermediate near its end is told by preview and renewed by up, and istiod goes on running and signs with it.

The fleet is made by a plugin whose clock is 700 days behind: as if it had been made then. Everything else, and
everything after that, goes by the real time.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509

from meshfleet.verification.bundle import certificates
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import World

pytestmark = pytest.mark.proof("an intermediate near its end shows in preview and is renewed by up", step=3)

STACK = "aged"
AGE = timedelta(days=700)
CLOCK = Path("meshfleet/plugins/meshfleet/authority_inputs.py")
NOW = "return datetime.now(UTC)"


def intermediate(world: World) -> x509.Certificate:
    """The certificate in the cluster's `cacerts`."""
    secret = world.get(STACK, "only", "secret", "cacerts", "--namespace", "istio-system")
    return certificates(base64.b64decode(secret["data"]["ca-cert.pem"]), "ca-cert.pem")[0]


def signing_until(world: World) -> datetime:
    """The end of what istiod signs with, as it reports it itself."""
    port = world.reservations()[f"{STACK}/istiod/only/default"]["monitoring"]
    metrics = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).text
    (value,) = re.findall(r"^citadel_server_cert_chain_expiry_timestamp(?:\{.*\})? (\S+)$", metrics, re.MULTILINE)
    return datetime.fromtimestamp(float(value), UTC)


@contextmanager
def clock_behind(world: World) -> Iterator[None]:
    """Inside, the plugin that issues certificates lives `AGE` ago; nothing else does."""
    path = world.clone.root / CLOCK
    text = path.read_text(encoding="utf-8")
    assert text.count(NOW) == 1
    earlier = f"return datetime.fromtimestamp(datetime.now(UTC).timestamp() - {AGE.total_seconds()}, UTC)"
    path.write_text(text.replace(NOW, earlier), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def test_an_intermediate_near_its_end_shows_in_preview_and_up_renews_it(world: World) -> None:
    world.clone.write_stack(STACK, small_fleet("only"))
    with clock_behind(world):
        world.meshfleet("up", "--stack", STACK, "--json")
    world.meshfleet("status", "--stack", STACK, "--json")
    old, now = intermediate(world), datetime.now(UTC)
    assert now < old.not_valid_after_utc < now + timedelta(days=90)
    assert abs(signing_until(world) - old.not_valid_after_utc) < timedelta(minutes=1)

    preview = world.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json", expect=1).answer
    assert [change for change in preview["changes"] if change.startswith("only: intermediate update (notAfter")]
    assert any(change.startswith("only: cacerts update") for change in preview["changes"])

    istiod = world.program(STACK, "istiods/only.default", "pilot-discovery")
    world.meshfleet("up", "--stack", STACK, "--json")
    assert world.program(STACK, "istiods/only.default", "pilot-discovery") == istiod
    new = intermediate(world)
    assert new.serial_number != old.serial_number
    assert new.not_valid_after_utc > now + timedelta(days=700)
    assert new.issuer == old.issuer
    assert abs(signing_until(world) - new.not_valid_after_utc) < timedelta(minutes=1)
    assert world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
    assert world.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").answer["changes"] == []
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []
