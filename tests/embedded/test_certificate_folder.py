"""The folder that an istiod watches: changed at one moment, as a mounted Secret is, and readable by its owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from meshfleet.embedded.certificate_folder import read_files, replace_files
from meshfleet.embedded.istiod_spec import same_roots
from meshfleet.errors import EmbeddedError

pytestmark = pytest.mark.proof("a renewed intermediate is taken up by a running istiod", step=0)

ONE = {"ca-cert.pem": "one", "ca-key.pem": "one"}
TWO = {"ca-cert.pem": "two", "ca-key.pem": "two"}


def test_what_was_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    assert read_files(folder) == {}
    for files in (ONE, TWO, TWO, {"ca-cert.pem": "three"}):
        replace_files(folder, files)
        assert read_files(folder) == files
    kept = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path.read_text(encoding="utf-8") for path in kept] == ["three"]


def test_only_the_owner_can_read_any_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    replace_files(folder, ONE)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_folder_of_plain_files_is_taken_over(tmp_path: Path) -> None:
    for name, content in ONE.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    replace_files(tmp_path, TWO)
    assert read_files(tmp_path) == TWO


def test_every_change_makes_something_in_the_folder_which_is_what_an_istiod_hears(tmp_path: Path) -> None:
    replace_files(tmp_path, ONE)
    before = os.readlink(tmp_path / "..data")
    replace_files(tmp_path, ONE)
    assert os.readlink(tmp_path / "..data") != before


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EmbeddedError, match="file"):
        replace_files(tmp_path / "file" / "certificates", ONE)


def test_roots_are_the_same_in_whichever_order() -> None:
    one, other = (f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n" for name in "ab")
    assert same_roots(one + other, other + one)
    assert same_roots(one, f"\n{one}\n")
    assert not same_roots(one, one + other)
    assert not same_roots(one, other)
    assert not same_roots("", one)
