"""Charts in a local folder or package: their version, and a checksum that tells whether they changed."""

from __future__ import annotations

import hashlib
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from topology.errors import ReleaseError

_VERSION = re.compile(r"^version: *[\"']?([^\s\"'#]+)", re.MULTILINE)


@dataclass(frozen=True)
class LocalChart:
    """A chart on this machine."""

    version: str
    checksum: str


def local_chart(reference: str) -> LocalChart | None:
    """The chart that `reference` names if it is a folder or a package file, None if it is a name in a repository.

    Raises ReleaseError for a path that holds no chart.
    """
    path = Path(reference).expanduser()
    if path.is_dir():
        return LocalChart(_version((path / "Chart.yaml"), reference), _folder_checksum(path))
    if path.is_file():
        return LocalChart(_packaged_version(path), hashlib.sha256(path.read_bytes()).hexdigest())
    if reference.startswith((".", "/", "~")):
        raise ReleaseError(f"chart {reference!r} is neither a folder nor a package file: correct `chart`")
    return None


def _version(file: Path, reference: str) -> str:
    if not file.is_file():
        raise ReleaseError(f"chart {reference!r} is a folder without Chart.yaml: correct `chart`")
    return _version_in(file.read_text(encoding="utf-8"), reference)


def _version_in(text: str, reference: str) -> str:
    match = _VERSION.search(text)
    if match is None:
        raise ReleaseError(f"chart {reference!r} has no `version` in its Chart.yaml")
    return match.group(1)


def _packaged_version(path: Path) -> str:
    try:
        with tarfile.open(path, "r:*") as package:
            for member in package:
                if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                    file = package.extractfile(member)
                    return _version_in(file.read().decode("utf-8") if file else "", str(path))
    except tarfile.TarError as error:
        raise ReleaseError(f"chart {str(path)!r} is no chart package: {error}") from error
    raise ReleaseError(f"chart {str(path)!r} is a package without Chart.yaml")


def _folder_checksum(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
