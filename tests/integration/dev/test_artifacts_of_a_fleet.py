"""What is collected of a running fleet when its test fails: all that is needed, and without a secret."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from meshfleet.testing import FleetUnderTest, new_sandbox
from meshfleet.testing.artifacts import SECONDS, collect
from tests.integration.dev import CLUSTERS
from tests.integration.dev.test_secrecy import leaks, secrets

pytestmark = pytest.mark.proof("a failed test leaves logs, status and events of its fleets", step=3)

__all__ = ["secrets"]


def test_logs_status_and_events_are_there(dev_fleet: FleetUnderTest, secrets: dict[str, bytes], tmp_path: Path) -> None:
    # Longer than a failed test waits: what is asked here does not depend on how busy the machine is.
    collect(dev_fleet.sandbox, tmp_path, time.monotonic() + 10 * SECONDS)
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


def test_what_would_take_longer_than_the_limit_is_left_out_and_named(tmp_path: Path) -> None:
    with new_sandbox() as sandbox:
        collect(sandbox, tmp_path, time.monotonic())
    missing = json.loads((tmp_path / "none" / "MANIFEST.json").read_text(encoding="utf-8"))["missing"]
    assert {"commands", "logs", "status"} <= missing.keys()
    assert set(missing.values()) == {f"error: left out: {SECONDS:.0f} s have passed"}
