"""What a chart on this machine contains, as one text: charts may change without another version."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from meshfleet.files import file_error, read_bytes
from meshfleet.workspace.home import program_folder

_LENGTH: Final = 16
# Istio's charts have 40 files and a megabyte and a half; what is in the folder beyond is no chart.
_FILE_LIMIT: Final = 5000


@cache
def chart_digest(reference: str) -> str | None:
    """The digest of a chart's folder or package, relative to the project as Pulumi takes it.

    None for a chart of a repository or one that is not there, which the plugin reports. Raises FileError.
    """
    if "://" in reference:
        return None
    path = (program_folder() / Path(reference).expanduser()).resolve()
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())[:_FILE_LIMIT]
        elif path.is_file():
            files = [path]
        else:
            return None
        for file in files:
            content = read_bytes(file, follow=True) or b""
            digest.update(f"{file.relative_to(path).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    except OSError as error:
        raise file_error(path, error) from error
    return digest.hexdigest()[:_LENGTH]
