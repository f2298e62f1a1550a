"""Requests that are counted leave no connection to an application behind that it may close under the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from meshfleet.verification import steady_requests, traffic
from meshfleet.verification.access import echo_client
from meshfleet.verification.traffic import Reply, Target

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)

TARGET = Target("10.96.0.7", 80, "echo.sample.svc.cluster.local")


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are asked for, in no network namespace."""
    asked: list[str] = []

    @contextmanager
    def threads(_: str, count: int, __: str) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(count) as pool:
            yield pool

    def request(target: Target, _: float) -> Reply:
        asked.append(target.path)
        return Reply(200)

    for module in (traffic, steady_requests):
        monkeypatch.setattr(module, "threads_in", threads)
        monkeypatch.setattr(module, "request", request)
    return asked


def test_requests_at_once(paths: list[str]) -> None:
    traffic.send("pod", TARGET, 40, 1.0)
    assert len(paths) == 40
    assert all("headers=Connection:close" in one for one in paths)


def test_requests_at_a_constant_rate(paths: list[str]) -> None:
    enough = threading.Event()
    with steady_requests.send_steadily("pod", TARGET, per_second=200.0) as sent:
        enough.wait(0.2)
    assert len(paths) == len(sent.requests) > 0
    assert set(paths) == {"/?headers=Connection:close"}


def test_requests_of_a_client_in_a_pod() -> None:
    assert any("headers=Connection:close" in word for word in echo_client.command(TARGET, 10, 1.0))
