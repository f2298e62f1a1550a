"""Takes the wanted files out of an archive or a layer, and nothing else.

Only regular files with exactly the wanted names are written, to names of our own: a path that leads elsewhere, a link
or a device cannot do anything. What is unpacked has a bound, whatever its compression makes of it.
"""

from __future__ import annotations

import errno
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol, cast

from meshfleet.errors import FileError, ToolchainError
from meshfleet.files import append_only
from meshfleet.toolchain.published.downloads import write_all

LARGEST_FILE: Final = 1024 * 1024 * 1024
"""Bytes of one file; the largest program, Istio's Envoy, has less than 200 MB."""
LARGEST_ARCHIVE: Final = 4 * LARGEST_FILE
MANY: Final = 200_000
"""Entries of an archive."""

_NO_PATHS: Final = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
_PIECE: Final = 1024 * 1024
_HEADERS: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LARGEST_HEADER: Final = 1024 * 1024
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
# Programs, of which the others are files that they read.
_EXECUTABLE: Final = ("bin/", "plugin/")


@dataclass
class Taken:
    """What one archive or layer has of the wanted: the paths found, and of a layer those it hides in lower ones."""

    found: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)


def take(archive: Path, name: str, members: Mapping[str, str], target: Path) -> Taken:
    """Write the wanted members of a tar, gzipped or not, below `target`.

    `members` maps a path below `target` to one in the archive; with `/` at the end of both it is every file below.
    `name` is of the archive in messages. Raises ToolchainError for an archive that is damaged, has something else than
    a file at a wanted path, or is larger than anything published.
    """
    taken, entries = Taken(), 0
    try:
        with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_Entry) as content:
            for entry in content:
                entries += 1
                if entries > MANY:
                    raise ToolchainError(f"{name}: more than {MANY} entries; refused")
                path = _clean(entry.name)
                taken.hidden |= _hidden(path, entry, members)
                destination = _destination(path, members)
                if destination is None or entry.isdir():
                    continue
                if not entry.isreg():
                    raise ToolchainError(f"{name}: {path} is a link or a device, not a file; refused")
                if entry.size > LARGEST_FILE:
                    raise ToolchainError(f"{name}: {path} has {entry.size} bytes, more than any program; refused")
                source = content.extractfile(entry)
                assert source is not None
                put(source, target / destination)
                taken.found.add(destination)
    except OSError as error:
        # Of the archive: a file where it has a folder too, a name that no file system has.
        if not isinstance(error, BadGzipFile) and error.errno not in _NO_PATHS:
            raise
        raise ToolchainError(f"{name}: a damaged archive ({error.strerror or error}); refused") from error
    except (tarfile.TarError, zlib.error, EOFError, UnicodeError, ValueError) as error:
        raise ToolchainError(f"{name}: a damaged archive ({error}); refused") from error
    return taken


def put(source: IO[bytes], path: Path) -> None:
    """Copy a stream into a new file; programs become executable. Raises ToolchainError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        descriptor = append_only(path)
    except FileError as error:
        raise ToolchainError(str(error)) from error
    try:
        while piece := source.read(_PIECE):
            write_all(descriptor, piece)
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)


def make_executable(installation: Path) -> None:
    """Make the programs of a finished installation executable."""
    for folder in _EXECUTABLE:
        for path in (installation / folder).glob("*"):
            path.chmod(0o755)


class _Entry(tarfile.TarInfo):
    """An entry whose headers, which are read into memory, have a bound too."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        # The standard library documents no place to stand at before a header is read.
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]  # not in its types


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Bounded:
    """Reads a stream and refuses to read more than an archive may have."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._left = LARGEST_ARCHIVE

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(min(size, _PIECE) if size >= 0 else _PIECE)
        self._left -= len(piece)
        if self._left < 0:
            raise ToolchainError(f"an archive unpacks to more than {LARGEST_ARCHIVE // 2**30} GiB; refused")
        return piece


@contextmanager
def _opened(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if zipped:
            with GzipFile(fileobj=file) as unzipped:
                yield _bounded(unzipped)
        else:
            yield _bounded(file)


def _bounded(stream: _Readable) -> IO[bytes]:
    # All that tarfile calls of a stream is `read`.
    return cast("IO[bytes]", _Bounded(stream))


def _clean(name: str) -> str:
    """The path of an entry without `./` and a slash at its front; with `..` it is none that is wanted."""
    return str(PurePosixPath(name.lstrip("/"))) if ".." not in name.split("/") else ""


def _destination(path: str, members: Mapping[str, str]) -> str | None:
    for target, source in members.items():
        if path == source:
            return target
        if source.endswith("/") and path.startswith(source):
            return target + path.removeprefix(source)
    return None


def _hidden(path: str, entry: tarfile.TarInfo, members: Mapping[str, str]) -> set[str]:
    """What a layer's entry takes away of lower layers: by a whiteout, or by a file where they have a folder.

    Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        gone = f"{folder}/" if folder else ""
        return {target for target, source in members.items() if source.startswith(gone)}
    if name.startswith(_WHITEOUT):
        gone = "/".join(filter(None, (folder, name.removeprefix(_WHITEOUT))))
    elif entry.isdir():
        return set()
    else:
        gone = path
    return {target for target, source in members.items() if source == gone or source.startswith(f"{gone}/")}
