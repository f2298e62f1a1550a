"""After a power cut at any call, whatever was not synced is lost, and a file is the old one or the new one."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from meshfleet.files import sync, sync_tree, write_file

pytestmark = pytest.mark.proof("after a power cut a file is the old one or the new one", step=0)

NEW = b"the new content, of some length"


class Disk:
    """What is on the disk and what is only in memory, by the calls that one write makes.

    `names` are the entries of the directory and `contents` the bytes of files by inode: each as it is now, and as it
    was when it was synced last. Between two syncs the system may write any part in any order.
    """

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self.durable_names: dict[str, int] = {}
        self.durable_contents: dict[int, bytes] = {}
        self.states: list[list[bytes | None]] = []
        self._sync_everything()
        for name in ("open", "fsync", "replace", "fchmod"):
            self._watch(name, monkeypatch)

    def _watch(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        call = getattr(os, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            self.states.append(self._after_a_cut())
            result = call(*arguments, **options)
            if name == "fsync":
                self._synced(arguments[0])
            self.states.append(self._after_a_cut())
            return result

        monkeypatch.setattr(os, name, watched)

    def _sync_everything(self) -> None:
        for path in self._directory.iterdir():
            self.durable_names[path.name] = path.stat().st_ino
            self.durable_contents[path.stat().st_ino] = path.read_bytes()

    def _synced(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self.durable_names = {path.name: path.stat().st_ino for path in self._directory.iterdir()}
        else:
            self.durable_contents[found.st_ino] = self._by_inode()[found.st_ino]

    def _by_inode(self) -> dict[int, bytes]:
        return {path.stat().st_ino: path.read_bytes() for path in self._directory.iterdir()}

    def _after_a_cut(self) -> list[bytes | None]:
        """Every content that `state` can have: with the old or the new name, and each part of what is not synced."""
        now = {path.name: path.stat().st_ino for path in self._directory.iterdir()}
        contents = self._by_inode()
        found: list[bytes | None] = []
        for names in (self.durable_names, now):
            inode = names.get("state")
            if inode is None:
                found.append(None)
            elif inode in self.durable_contents:
                found.append(self.durable_contents[inode])
            else:
                whole = contents.get(inode, b"")
                found += [whole[:length] for length in range(len(whole) + 1)]
        return found


@pytest.mark.parametrize("old", [None, b"", b"the old content"], ids=["none", "an empty one", "one"])
def test_a_write_that_is_cut_leaves_the_old_or_the_new_file(
    old: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    if old is not None:
        path.write_bytes(old)
    with monkeypatch.context() as patched:
        disk = Disk(tmp_path, patched)
        write_file(path, NEW)
        # Once it has returned, the new content is what a cut leaves.
        after = disk._after_a_cut()
    seen = {content for state in disk.states for content in state}
    assert seen <= {old, NEW}
    assert len(disk.states) >= 10
    assert set(after) == {NEW}


def test_a_careless_write_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"the old content")
    with monkeypatch.context() as patched:
        disk = Disk(tmp_path, patched)
        patched.setattr("meshfleet.files.os.fsync", lambda _: None)
        write_file(path, NEW)
        after = disk._after_a_cut()
    assert b"" in after


def test_what_other_programs_wrote_is_synced_with_its_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pki" / "deep").mkdir(parents=True)
    for name in ("pki/ca.crt", "pki/deep/key", "outside"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "pki" / "link").symlink_to(tmp_path / "outside")
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    sync_tree(tmp_path / "pki")
    wanted = [tmp_path / name for name in ("pki", "pki/ca.crt", "pki/deep", "pki/deep/key")]
    assert synced == {path.stat().st_ino for path in wanted}
    sync(tmp_path / "absent")
    sync_tree(tmp_path / "absent")
