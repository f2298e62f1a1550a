"""What is collected of a running fleet when its test fails: all that is needed, soon, and without a secret."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from meshfleet.testing import FleetUnderTest
from meshfleet.testing.artifacts import SECONDS, collect
from tests.integration.dev import CLUSTERS
from tests.integration.dev.test_secrecy import leaks, secrets

pytestmark = pytest.mark.proof("a failed test leaves logs, status and events of its fleets", step=3)

__all__ = ["secrets"]


def test_logs_status_and_events_are_there_within_the_limit(
    dev_fleet: FleetUnderTest, secrets: dict[str, bytes], tmp_path: Path
) -> None:
    started = time.monotonic()
    collect(dev_fleet.sandbox, tmp_path, started + SECONDS)
    assert time.monotonic() - started < SECONDS
    files = {path.relative_to(tmp_path / "dev").as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert json.loads(files["MANIFEST.json"].read_text(encoding="utf-8"))["missing"] == {}
    status = json.loads(files["status.json"].read_text(encoding="utf-8"))
    assert {cluster["name"] for cluster in status["clusters"]} == set(CLUSTERS)
    for cluster in CLUSTERS:
        assert json.loads(files[f"clusters/{cluster}/events.json"].read_text(encoding="utf-8"))
        assert json.loads(files[f"istiods/{cluster}.default/clusterz.json"].read_text(encoding="utf-8"))
        names = {name.rpartition("/")[2] for name in files if f"/{cluster}" in name}
        assert names >= {"istiod.log", "kube-apiserver.log", "etcd.log", "agent.log"}
    assert leaks(secrets, ((name, path.read_bytes()) for name, path in files.items())) == []
