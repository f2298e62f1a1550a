"""Runs beside each other, after each other, killed, and those that have nothing to download."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import ensure
from meshfleet.toolchain.builder import build_missing
from meshfleet.toolchain.published import downloads
from meshfleet.toolchain.published.installing import Publishing
from meshfleet.toolchain.published.probe import silent_publishers
from tests.toolchain.published.conftest import ARCHIVE, CHART, PROGRAM, Stand
from tests.toolchain.published.publishers import Handler, status, tar, times
from tests.toolchain.workshop import Workshop

pytestmark = pytest.mark.proof("published programs are taken whole or not at all", step=0)


def test_a_full_disk_is_named_and_leaves_no_program(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads, "write_all", full)
    with pytest.raises(ToolchainError, match="is full; free some space"):
        build_missing(stand.plan, stand.heard, publishing=stand.publishing)
    assert stand.nothing_is_left()


# Installs the tool `hello` of the stand whose address and folder are the arguments.
_ELSEWHERE = """
import json, sys
from pathlib import Path
from meshfleet.toolchain import ensure
from meshfleet.toolchain.progress import Lines
from meshfleet.toolchain.published.installing import Publishing
from meshfleet.toolchain.published.table import read_table
from meshfleet.workspace.cache import Cache
from tests.toolchain.published.conftest import CHART, FAST, TABLE
from tests.toolchain.published.publishers import times, Publishers
from tests.toolchain.workshop import Workshop
shop = Publishers(sys.argv[1], table=read_table(json.dumps(TABLE)))
folder = Path(sys.argv[2])
workshop = Workshop(folder, Cache(folder / "cache"))
publishing = Publishing(shop.table, shop.addresses, project_lock=folder / "project.lock")
ensure(Lines(sys.stdout), plan=workshop.plan(workshop.recipe()), publishing=publishing)
"""


@pytest.fixture
def elsewhere(stand: Stand) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts another process that makes the stand's plan real."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _ELSEWHERE, stand.shop.url, str(stand.workshop.folder)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def test_two_runs_download_once(stand: Stand, elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
    both = [elsewhere(), elsewhere()]
    for process in both:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert stand.shop.paths().count(ARCHIVE) == 1
    assert not stand.cache.downloads.exists()


def test_a_killed_download_goes_on_in_the_next_run(
    stand: Stand, elsewhere: Callable[[], subprocess.Popen[str]]
) -> None:
    stand.publish(tar({"hello/bin/hello": PROGRAM, "x": os.urandom(500_000), **CHART}))
    sent = threading.Event()

    def stuck(handler: Handler) -> bool:
        content = handler.server.shop.files[handler.path]
        assert isinstance(content, bytes)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:300_000])
        handler.wfile.flush()
        sent.set()
        handler.connection.recv(1)
        handler.close_connection = True
        return True

    stand.shop.faults[ARCHIVE] = times(1, stuck)
    process = elsewhere()
    assert sent.wait(30)
    deadline, pause = time.monotonic() + 10, threading.Event()
    while not any(part.stat().st_size > 200_000 for part in stand.cache.downloads.glob("*.part")):
        assert time.monotonic() < deadline
        pause.wait(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert not stand.place.exists()
    assert not [path for path in stand.cache.root.rglob("*") if path.is_file() and os.access(path, os.X_OK)]

    ensure(stand.heard, plan=stand.plan, publishing=stand.publishing)
    assert not stand.plan.faults(thorough=True)
    resumed = [headers.get("Range") for _, path, headers in stand.shop.requests if path == ARCHIVE][1]
    assert resumed is not None
    assert int(resumed.removeprefix("bytes=").removesuffix("-")) > 200_000
    assert sorted(path.name for path in stand.cache.root.iterdir()) == ["toolchain"]


def test_what_is_not_published_is_built(stand: Stand, workshop: Workshop) -> None:
    stand.workshop = workshop
    stand.shop.faults[ARCHIVE] = status(404)
    ensure(stand.heard, plan=stand.plan, publishing=stand.publishing)
    assert stand.plan.origins() == {"hello": ("built", "v1.2.3")}


def test_publishers_that_do_not_respond_cost_two_seconds_in_all(stand: Stand) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    # Nobody accepts, so that connections are made and hear nothing, or are not made at all.
    with full, socket.create_connection(full.getsockname()):
        silent = {name: f"http://127.0.0.1:{full.getsockname()[1]}/{name}" for name in stand.shop.table.publishers}
        addresses = replace(stand.shop.addresses, bases=silent)
        since = time.monotonic()
        assert silent_publishers(stand.shop.table, addresses, stand.cache.silent_publishers).keys() == silent.keys()
        assert time.monotonic() - since < 2.5
        # Another process of the same run has the result in the cache.
        since = time.monotonic()
        for _ in range(3):
            kept = silent_publishers(stand.shop.table, addresses, stand.cache.silent_publishers)
            assert kept.keys() == silent.keys()
        assert time.monotonic() - since < 0.5
    # Other addresses are tried by themselves, and so is everything when the file is damaged.
    for _ in range(2):
        assert silent_publishers(stand.shop.table, stand.shop.addresses, stand.cache.silent_publishers) == {}
        stand.cache.silent_publishers.write_text("damaged")


def test_nothing_is_requested_when_everything_is_there(stand: Stand) -> None:
    ensure(plan=stand.plan, publishing=stand.publishing)
    stand.shop.requests.clear()
    ensure(plan=stand.plan, publishing=stand.publishing)
    assert stand.shop.requests == []


def test_nothing_is_requested_when_it_is_switched_off(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHFLEET_PUBLISHERS", "off")
    assert Publishing().resolved() is None
