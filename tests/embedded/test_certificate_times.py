"""A cluster made while the clock was ahead says so, with a way out, and is never taken for one that is down."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meshfleet.embedded.certificate_times import ahead, not_yet_valid
from meshfleet.embedded.cluster import Cluster
from meshfleet.embedded.cluster_spec import ClusterSpec, dump_spec
from meshfleet.errors import EmbeddedError
from meshfleet.plugins.meshfleet.certificates import RootSpec, create_root
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("a clock that was ahead is noticed and healed", step=0)

SPEC = RootSpec(common_name="ca", organization="meshfleet", algorithm="ecdsa-p256", validity_days=100)


def certificate(path: Path, days: int) -> Path:
    """A certificate and its file, both made `days` from now."""
    then = datetime.now(UTC) + timedelta(days=days)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(create_root(SPEC, then).certificate, encoding="ascii")
    os.utime(path, (then.timestamp(), then.timestamp()))
    return path


def test_only_certificates_of_the_future_are_reported(tmp_path: Path) -> None:
    now, later = certificate(tmp_path / "now.crt", 0), certificate(tmp_path / "later.crt", 30)
    garbage = tmp_path / "garbage.crt"
    garbage.write_bytes(b"no certificate")
    os.utime(garbage, (time.time() + 9e6, time.time() + 9e6))
    assert not_yet_valid([now, garbage, tmp_path / "absent.crt"]) is None
    begins = not_yet_valid([now, garbage, later])
    assert begins is not None
    assert 29 <= (begins - datetime.now(UTC)).total_seconds() / 86400 <= 30


def test_the_sentence_names_both_times_and_the_way_out() -> None:
    said = ahead("west", datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC).timestamp())
    assert said.startswith(
        "west: its certificates are valid from 2027-01-01 00:00 UTC, and this machine's clock shows 2026"
    )
    assert "correct the clock" in said
    assert "meshfleet destroy" in said


def test_a_cluster_from_the_future_is_drift_and_up_says_why(tmp_path: Path) -> None:
    cluster = Cluster(Workspace("dev", tmp_path), "west")
    spec = ClusterSpec("west", "v1.35.4")
    cluster.directory.mkdir(parents=True)
    (cluster.directory / "cluster.json").write_text(dump_spec(spec), encoding="utf-8")
    certificate(cluster._control_plane.certificate_authority, 30)
    assert str(cluster.state()).startswith("not valid before ")
    with pytest.raises(EmbeddedError, match="west: its certificates are valid from"):
        cluster.create(spec)
