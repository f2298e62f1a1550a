"""A maintainer's lock file has every published file, and is left alone when one cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.errors import UnpublishedError
from meshfleet.toolchain.published.records import parse_records, write_records
from scripts.published.__main__ import main, record_all
from tests.toolchain.published.conftest import ARCHIVE, FAST, Stand

pytestmark = pytest.mark.proof("published programs are recorded in a lock file", step=0)


def recorded(stand: Stand, folder: Path) -> dict[str, object]:
    """What the script records of the stand."""
    platforms = (("linux", "amd64"),)
    shop = stand.shop
    found = record_all(shop.table, shop.addresses, stand.plan.recipes, folder, stand.heard, FAST, platforms)
    return dict(parse_records(write_records(found)))


def test_the_script_records_what_a_download_records(stand: Stand, tmp_path: Path) -> None:
    found = recorded(stand, tmp_path / "work")
    stand.install()
    assert found == parse_records(stand.cache.published_lock.read_text())


def test_what_cannot_be_had_is_an_error(stand: Stand, tmp_path: Path) -> None:
    del stand.shop.files[ARCHIVE]
    with pytest.raises(UnpublishedError, match="HTTP 404"):
        recorded(stand, tmp_path / "work")


def test_the_file_is_left_alone_when_it_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "published.lock"
    path.write_text("before")
    assert main([str(path)]) == 2
    assert "is off" in capsys.readouterr().err
    mirrors = tmp_path / "mirrors.json"
    mirrors.write_text('{"publishers": {"*": "http://127.0.0.1:9/{name}"}}')
    monkeypatch.setenv("MESHFLEET_PUBLISHERS", str(mirrors))
    assert main([str(path)], FAST) == 1
    assert "is as it was" in capsys.readouterr().err
    assert path.read_text() == "before"
