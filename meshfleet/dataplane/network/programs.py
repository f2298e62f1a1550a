"""The programs that run in the namespaces of a fleet: where they are found, and how a running one is known again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.sandbox import Bind
from meshfleet.files import file_error, read_bytes, write_file

MARK: Final = "MESHFLEET_CONTAINER"
"""The variable by which a running container is known again."""


def lay_out(place: Place, copies: Mapping[str, Path], release: str = "") -> Path:
    """Make the folder of programs with `copies`, small files that programs read. Returns the folder.

    The programs themselves are at its path in each sandbox, and so are the copies of any other `release` of Istio than
    the standard one, which are kept in a folder of its name. Raises EmbeddedError.
    """
    folder = binaries(place)
    kept = folder / release
    try:
        for parent in (place.directory.parent, place.directory, folder, kept):
            parent.mkdir(mode=0o711 if parent == place.directory.parent else 0o700, exist_ok=True)
    except OSError as error:
        raise file_error(kept, error) from error
    for name, source in copies.items():
        content = read_bytes(source) or b""
        if read_bytes(kept / name) != content:
            # Whole at any moment: a program of another node may be about to read it.
            write_file(kept / name, content, mode=0o644)
    return folder


def binaries(place: Place) -> Path:
    """Where programs are in a sandbox, and the small files on the machine too."""
    return place.directory / "bin"


def sandbox_top(place: Place) -> Path:
    """The folder on which each sandbox has its root, in its own mount namespace. Raises EmbeddedError."""
    folder = place.directory / "root"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise file_error(folder, error) from error
    return folder


def program_binds(
    folder: Path, sources: Mapping[str, Path], copies: Mapping[str, Path], release: str = ""
) -> list[Bind]:
    """All programs and small files at their places in a sandbox. Raises EmbeddedError for a link that leads nowhere."""
    found = []
    for name, source in sources.items():
        try:
            found.append(Bind(source.resolve(strict=True), str(folder / name)))
        except OSError as error:
            raise file_error(source, error) from error
    return [*found, *(Bind(folder / release / name, str(folder / name)) for name in copies)]


def mark_of(process: Any) -> str:
    """The container a process belongs to; empty when to none, or when it has ended."""
    import psutil

    try:
        return str(process.environ().get(MARK, ""))
    except psutil.Error:
        return ""
