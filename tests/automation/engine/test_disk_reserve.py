"""Space is set aside for destroy while there is plenty, and given up when there is little."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from meshfleet.automation.engine import disk_reserve

pytestmark = pytest.mark.proof("a full disk is named, and up converges once there is space", step=0)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """How much is free, as the test says."""
    usage = SimpleNamespace(free=10 * disk_reserve.PLENTY)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(disk_reserve, "BYTES", 8192)
    return usage


def test_it_is_allocated_once_where_there_is_plenty(tmp_path: Path, free: SimpleNamespace) -> None:
    disk_reserve.keep(tmp_path)
    reserve = disk_reserve.path_of(tmp_path)
    assert reserve.stat().st_blocks * 512 >= 8192
    assert reserve.stat().st_mode & 0o077 == 0
    made = reserve.stat().st_mtime_ns
    disk_reserve.keep(tmp_path)
    assert reserve.stat().st_mtime_ns == made


def test_it_is_not_taken_from_a_disk_with_little_space(tmp_path: Path, free: SimpleNamespace) -> None:
    free.free = disk_reserve.PLENTY - 1
    disk_reserve.keep(tmp_path)
    assert not disk_reserve.path_of(tmp_path).exists()


@pytest.mark.parametrize("little", [True, False])
def test_it_is_given_up_with_old_logs_only_where_there_is_little(
    tmp_path: Path, free: SimpleNamespace, little: bool
) -> None:
    disk_reserve.keep(tmp_path)
    stack = tmp_path / "fleets" / "dev"
    (stack / "clusters").mkdir(parents=True)
    old, current = stack / "clusters" / "a.log.previous", stack / "clusters" / "a.log"
    for path in (old, current):
        path.write_text("a line", encoding="utf-8")
    free.free = 100 if little else 8192
    disk_reserve.release(tmp_path, stack)
    assert disk_reserve.path_of(tmp_path).exists() is not little
    assert old.exists() is not little
    assert current.exists()


def test_a_disk_that_refuses_is_no_error(tmp_path: Path, free: SimpleNamespace) -> None:
    disk_reserve.keep(tmp_path / "nowhere")
    disk_reserve.release(tmp_path / "nowhere", tmp_path / "nowhere" / "dev")
