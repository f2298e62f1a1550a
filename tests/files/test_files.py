"""Files: written whole or not at all, and read without trusting what stands there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import append_only, make_directory, read_bytes, read_record, read_text, remove_file, write_file

pytestmark = pytest.mark.proof("files are written whole and never through what is no file", step=0)


def _link(path: Path) -> None:
    (path.parent / "target").write_text("theirs")
    path.symlink_to(path.parent / "target")


def _dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


NO_FILES: dict[str, Callable[[Path], None]] = {
    "a link": _link,
    "a dangling link": _dangling_link,
    "a directory": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": _socket,
}


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_regular_file_is_neither_replaced_nor_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    make(path)
    before = os.lstat(path)
    for operation in (
        lambda: write_file(path, "ours"),
        lambda: read_text(path),
        lambda: read_bytes(path),
        lambda: append_only(path),
    ):
        with pytest.raises(FileError, match=r"state\.json: "):
            operation()
    assert os.lstat(path) == before
    if (tmp_path / "target").exists():
        assert (tmp_path / "target").read_text() == "theirs"
    assert not list(tmp_path.glob(".state*"))


def test_a_device_is_neither_replaced_nor_read_without_end() -> None:
    with pytest.raises(FileError, match="/dev/zero: is a device"):
        read_bytes(Path("/dev/zero"))
    with pytest.raises(FileError, match="/dev/null: is a device"):
        write_file(Path("/dev/null"), "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_users_own_file_may_be_a_link(tmp_path: Path) -> None:
    _link(tmp_path / "config")
    assert read_text(tmp_path / "config", follow=True) == "theirs"


def test_absent_is_none_and_a_file_too_large_is_refused(tmp_path: Path) -> None:
    assert read_text(tmp_path / "absent") is None
    write_file(tmp_path / "large", "x" * 11)
    assert read_text(tmp_path / "large", limit=11) == "x" * 11
    with pytest.raises(FileError, match="larger than 10 bytes"):
        read_text(tmp_path / "large", limit=10)


def test_a_file_is_the_owners_alone_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    sync = os.fsync

    def seen(descriptor: int) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in tmp_path.glob(".state*"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    write_file(tmp_path / "state", "x")
    assert modes == [0o600]
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "fchmod", "stat"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ENOMEM])
def test_a_failing_call_leaves_the_old_file_whole(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    write_file(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(FileError, match=f"state: {os.strerror(number)}; "):
            write_file(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]


def test_an_interrupt_while_writing_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    write_file(path, "old")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_file(path, "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("state", "old")]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        sync(descriptor)

    def renamed(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        done.append("name")
        replace(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_file(tmp_path / "state", "x")
    assert done == ["content", "name", "directory"]


def _parse(text: str) -> int:
    version = int(text)
    if version > 1:
        raise NewerFileError(f"version {version}")
    return version


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"", "empty; do this"),
        (b"\0\0\0\0", "empty; do this"),
        (b"garbage", r"damaged \(ValueError\); do this"),
        (b"\xff\xfe", r"damaged \(not text in UTF-8\); do this"),
        (b"2", r"written by a later version of meshfleet \(version 2\); use that one, or do this"),
    ],
    ids=["empty", "zeros", "garbage", "binary", "newer"],
)
def test_a_record_that_is_not_whole_is_never_taken_for_absent(content: bytes, answer: str, tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert read_record(path, _parse, "do this") is None
    path.write_bytes(content)
    with pytest.raises(FileError, match=answer):
        read_record(path, _parse, "do this")
    write_file(path, "1")
    assert read_record(path, _parse, "do this") == 1


def test_a_log_is_appended_to_and_a_removed_file_may_be_gone(tmp_path: Path) -> None:
    for text in (b"one ", b"two"):
        with os.fdopen(append_only(tmp_path / "log"), "ab") as log:
            log.write(text)
    assert read_bytes(tmp_path / "log") == b"one two"
    remove_file(tmp_path / "log")
    remove_file(tmp_path / "log")


def test_directories_are_their_owners_alone(tmp_path: Path) -> None:
    make_directory(tmp_path / "a" / "b")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}
    write_file(tmp_path / "file", "")
    with pytest.raises(FileError, match="file"):
        make_directory(tmp_path / "file" / "c")
