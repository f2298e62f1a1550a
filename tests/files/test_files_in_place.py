"""A file that is mounted elsewhere is written as the file it is, and nothing else is written in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from meshfleet.errors import FileError
from meshfleet.files import write_in_place

pytestmark = pytest.mark.proof("damaged files lose nothing and are named", step=0)


@pytest.mark.parametrize("before", [None, "", "longer than what comes"])
def test_the_file_stays_the_same_one_and_has_the_new_content(before: str | None, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    if before is not None:
        path.write_text(before, encoding="utf-8")
    inode = path.stat().st_ino if before is not None else None
    write_in_place(path, "new\n", mode=0o644)
    assert path.read_text(encoding="utf-8") == "new\n"
    assert inode in (None, path.stat().st_ino)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_neither_a_link_nor_a_pipe_nor_a_directory_is_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept", encoding="utf-8")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    for name in ("link", "pipe", "directory", "absent/hosts"):
        with pytest.raises(FileError, match=name):
            write_in_place(tmp_path / name, "new")
    assert target.read_text(encoding="utf-8") == "kept"
