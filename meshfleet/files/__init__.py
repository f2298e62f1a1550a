"""The one way to write a file and the one way to read one: nothing is lost, and nothing is trusted.

A file is whole or not there, also after a power cut: it is written beside its place, synced, renamed, and the folder
synced (https://lwn.net/Articles/457667/). Neither function goes through a link that stands at the end of the path, or
touches anything but a regular file, or reads without a limit. A reader has three answers: there (its content), absent
(None), and unreadable (FileError), so that a damaged file is never taken for one that is not there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Final, TypeVar

from meshfleet.errors import FileError, NewerFileError

_T = TypeVar("_T")

LIMIT: Final = 16 * 1024 * 1024
"""Bytes a file may have at most unless the caller says otherwise. None that we write comes near."""


class NotTextError(FileError):
    """A file exists and is not UTF-8 text."""


_ADVICE: Final = {
    errno.ENOSPC: "free some space on that disk and run the same command again",
    errno.EDQUOT: "the quota of this user is used up: free some space and run the same command again",
    errno.EROFS: "that disk is read-only: set MESHFLEET_HOME to a directory on a writable one",
    errno.EACCES: "give this user the right to write there, or set MESHFLEET_HOME to another directory",
    errno.EPERM: "give this user the right to write there, or set MESHFLEET_HOME to another directory",
    errno.EMFILE: "raise the limit of open files (ulimit -n) and run the same command again",
    errno.ENFILE: "the machine has too many open files: close programs and run the same command again",
    errno.ENOMEM: "the machine is out of memory: free memory and run the same command again",
    errno.EIO: "the disk fails: check the system log first",
    errno.ENAMETOOLONG: "the path is too long: use a shorter directory or name",
}


def file_error(path: Path, error: OSError) -> FileError:
    """What a failed file operation means for a person."""
    advice = advice_for(error.errno, "check that path and run the same command again")
    return FileError(f"{path}: {error.strerror or type(error).__name__}; {advice}")


def advice_for(number: int | None, otherwise: str = "run the same command again") -> str:
    """What to do about an errno."""
    return _ADVICE.get(number or 0, otherwise)


def make_directory(directory: Path) -> Path:
    """Make a directory that its owner alone can enter, and its missing parents likewise, and return it.

    Raises FileError when the file system refuses, or something else stands there.
    """
    try:
        for parent in [*reversed(directory.parents), directory]:
            # `parents=True` would make the parents with the default mode.
            if not parent.is_dir():
                parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise file_error(directory, error) from error
    return directory


def write_file(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Put `content` at `path`: all of it or nothing, on the disk when this returns, in a file with `mode`.

    The parent must be there (`make_directory`). What stands at `path` is replaced if it is a regular file; a link, a
    device, a pipe or a directory is refused. Raises FileError.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        # Through a descriptor, so that a directory which is exchanged meanwhile does not matter.
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _require_replaceable(path, directory)
            _replace(directory, path.name, data, mode)
        finally:
            os.close(directory)
    except OSError as error:
        raise file_error(path, error) from error


def write_in_place(path: Path, content: str, *, mode: int = 0o600) -> None:
    """Put `content` into the very file that is at `path`, made if absent, for one that is mounted elsewhere.

    A reader may see a part of it. No link is followed, and nothing but a regular file is written. Raises FileError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise _opening_error(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            _require_regular(path, descriptor)
            file.truncate()
            file.write(content.encode("utf-8"))
            file.flush()
            os.fchmod(descriptor, mode)
    except OSError as error:
        raise file_error(path, error) from error


def write_link(path: Path, target: Path) -> None:
    """Have a symbolic link to `target` at `path`, in one step; its folder must be there.

    A file or another link that stands there is replaced. Raises FileError.
    """
    # Threads of one process make the same link at the same moment.
    draft = path.with_name(f".{path.name[:200]}.{token_hex(8)}")
    try:
        if path.is_symlink() and path.readlink() == target:
            return
        draft.symlink_to(target)
        try:
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise file_error(path, error) from error


def sync(path: Path) -> None:
    """Have a file or a directory that another program wrote reach the disk; fine when there is none. Raises FileError.

    Links are not followed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _opening_error(path, error) from error
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Pipes and the like have nothing to sync.
        if error.errno not in (errno.EINVAL, errno.EROFS):
            raise file_error(path, error) from error
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """`sync` every regular file below a directory, and every directory. Fine when there is none. Raises FileError."""
    for folder, _, names in os.walk(directory):
        for name in names:
            if not os.path.islink(os.path.join(folder, name)):
                sync(Path(folder) / name)
        sync(Path(folder))


def append_only(path: Path) -> int:
    """A descriptor that appends to a file of its owner alone, made if absent; for logs. Raises FileError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise _opening_error(path, error) from error
    try:
        _require_regular(path, descriptor)
    except FileError:
        os.close(descriptor)
        raise
    return descriptor


def remove_file(path: Path) -> None:
    """Remove a file or a link (never what it leads to); fine when there is none. Raises FileError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise file_error(path, error) from error


def read_bytes(path: Path, *, limit: int = LIMIT, follow: bool = False, private: bool = False) -> bytes | None:
    """The content of a regular file, or None when nothing is there.

    `follow` allows a link at the end of the path, for files that belong to the user (a kubeconfig, a stack file).
    `private` refuses a file that others than its owner may read or change, as ssh does with a key.
    Raises FileError for anything else that stands there, for more than `limit` bytes, and when reading fails.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        # Without blocking: the other end of a pipe may never come.
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _opening_error(path, error) from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(path, descriptor)
            if private and (mode := stat.S_IMODE(os.fstat(descriptor).st_mode)) & 0o077:
                raise FileError(f"{path}: others may read or change it (mode {mode:04o}); run chmod 600 on it")
            content = file.read(limit + 1)
    except OSError as error:
        raise file_error(path, error) from error
    if len(content) > limit:
        raise FileError(f"{path}: larger than {limit} bytes, which nothing of its kind is; check that path")
    return content


def read_text(path: Path, *, limit: int = LIMIT, follow: bool = False, private: bool = False) -> str | None:
    """The text of a regular file in UTF-8, or None when nothing is there; raises FileError as `read_bytes` does."""
    content = read_bytes(path, limit=limit, follow=follow, private=private)
    if content is None:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotTextError(f"{path}: is not text in UTF-8 (byte {error.start}); check that file") from None


def read_tail(path: Path, *, limit: int) -> str | None:
    """The last `limit` bytes of a regular file as text, whole lines unless one is longer; None when nothing is there.

    For logs: what is no UTF-8 is replaced. Raises FileError as `read_bytes` does, a link at the end included.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _opening_error(path, error) from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(path, descriptor)
            start = max(0, os.fstat(descriptor).st_size - limit)
            file.seek(start)
            content = file.read(limit)
    except OSError as error:
        raise file_error(path, error) from error
    if start and b"\n" in content:
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", errors="replace")


def read_record(path: Path, parse: Callable[[str], _T], advice: str, *, limit: int = LIMIT) -> _T | None:
    """A record of our own: None when absent, else what `parse` makes of its text.

    `parse` raises ValueError, TypeError, KeyError or AttributeError for a damaged text, and NewerFileError (without a
    path) for one that a later version wrote. Raises FileError with `advice`, a command that leads out.
    """
    try:
        text = read_text(path, limit=limit)
    except NotTextError:
        raise FileError(f"{path}: damaged (not text in UTF-8); {advice}") from None
    if text is None:
        return None
    try:
        return parse(text)
    except NewerFileError as error:
        raise NewerFileError(
            f"{path}: written by a later version of meshfleet ({error}); use that one, or {advice}"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        # ArithmeticError: a number that is too large for what it is to become.
        what = "empty" if not text.strip("\0 \n") else f"damaged ({type(error).__name__})"
        raise FileError(f"{path}: {what}; {advice}") from None


def _require_replaceable(path: Path, directory: int) -> None:
    try:
        kind = os.stat(path.name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        raise FileError(f"{path}: is {_kind(kind)}, which is never replaced; name a file or a path that is free")


def _replace(directory: int, name: str, data: bytes, mode: int) -> None:
    draft = f".{name[:200]}.{token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(draft, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(draft, dir_fd=directory)
        raise
    os.fsync(directory)


def _require_regular(path: Path, descriptor: int) -> None:
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        raise FileError(f"{path}: is {_kind(kind)}, not a file; check that path")


def _opening_error(path: Path, error: OSError) -> FileError:
    if error.errno == errno.ELOOP:
        return FileError(f"{path}: is a link, which is not followed here; put the file itself there")
    if error.errno == errno.ENXIO:
        return FileError(f"{path}: is a pipe or a socket, not a file; check that path")
    return file_error(path, error)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "no regular file")
