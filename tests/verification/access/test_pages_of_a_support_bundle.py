"""A support bundle has the pages and logs of istiods that are pods, of each of them, read through the API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from meshfleet.automation.support_bundle import cluster_parts
from meshfleet.automation.support_bundle.bundle import Bundle
from meshfleet.automation.support_bundle.collecting import add_part
from tests.pod_servers import Command
from tests.verification.access.conftest import ISTIOD, RealPods

pytestmark = pytest.mark.proof("a support bundle holds what is needed and no secret", step=1)

FOLDER = "istiods/west.default"
SECOND = "istiod-second"


def collected(real: RealPods) -> Bundle:
    bundle = Bundle()
    subject = SimpleNamespace(view=real.fleet)
    add_part(bundle, "clusters", lambda: cluster_parts._clusters(subject, 5))  # type: ignore[arg-type]
    return bundle


@pytest.fixture
def replicas(real: RealPods) -> RealPods:
    """Two istiods: a proxy is connected to the second one, and only that one knows what it sends to it."""
    real.server.add(SECOND, "istio-system", {"app": "istiod", "istio.io/rev": "default"})

    def run(command: Command) -> None:
        second = real.server.commands[-1][0] == SECOND
        page = command.arguments[3].removeprefix("/debug/")
        if page == "syncz":
            command.print(json.dumps([{"cluster_id": "west", "proxy": "echo.sample"}] if second else []))
        elif page.startswith("config_dump"):
            command.print('{"configs": []}' if second else "Proxy not connected to this Pilot instance")
        else:
            command.print("{}")

    real.server.run = run
    return real


def test_every_page_of_every_istiod_is_there(replicas: RealPods) -> None:
    names = set(collected(replicas).files())
    assert {f"{FOLDER}/{pod}/{page}.json" for pod in (ISTIOD, SECOND) for page in cluster_parts.PAGES} <= names


def test_what_a_proxy_is_sent_is_read_from_the_istiod_that_it_is_connected_to(replicas: RealPods) -> None:
    files = collected(replicas).files()
    assert json.loads(files[f"{FOLDER}/proxies/echo.sample.json"]) == {"configs": []}
    assert f"{FOLDER}/proxies/missing.json" not in files


def test_the_ends_of_their_logs_are_there(replicas: RealPods) -> None:
    replicas.server.logs[ISTIOD] = "2026-11-27T12:00:00Z\tinfo\tready\n"
    assert b"ready" in collected(replicas).files()[f"{FOLDER}/istiod.log"]


def test_a_cluster_that_lets_nobody_in_costs_its_own_pages_and_no_other(
    real: RealPods, recorded_run: Callable[[Command], None]
) -> None:
    real.server.pods.clear()
    bundle = collected(real)
    missing = {entry.name: entry.error for entry in bundle.entries if entry.error}
    assert "no pod of istiod default" in missing[f"{FOLDER}/syncz"]
    assert "clusters/west/events.json" in bundle.files() or "clusters/west" in missing
