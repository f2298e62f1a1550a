"""Charts in a local folder or package: their version."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from meshfleet.errors import ReleaseError
from meshfleet.files import read_text

_VERSION = re.compile(r"^version: *[\"']?([^\s\"'#]+)", re.MULTILINE)
_LIMIT = 1024 * 1024


def local_version(reference: str) -> str | None:
    """The version of the chart that is a folder or a package file, None if it is a name in a repository.

    Raises ReleaseError for a path that holds no chart, FileError for one that cannot be read.
    """
    path = Path(reference).expanduser()
    if path.is_dir():
        text = read_text(path / "Chart.yaml", follow=True)
        if text is None:
            raise ReleaseError(f"chart {reference!r} is a folder without Chart.yaml: correct `chart`")
        return _version_in(text, reference)
    if path.is_file():
        return _packaged_version(path)
    if reference.startswith((".", "/", "~")):
        raise ReleaseError(f"chart {reference!r} is neither a folder nor a package file: correct `chart`")
    return None


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
                    return _version_in(file.read(_LIMIT).decode("utf-8", "replace") if file else "", str(path))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ReleaseError(f"chart {str(path)!r} is no chart package: {type(error).__name__}") from error
    raise ReleaseError(f"chart {str(path)!r} is a package without Chart.yaml")
